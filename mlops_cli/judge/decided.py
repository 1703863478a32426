"""Decided: what people have said about series, and what it does to their measurements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Any

import polars as pl

from mlops_cli.errors import UsageError
from mlops_cli.judge.say import SERIES, scope_of
from mlops_cli.ledger.decisions import Decisions


@dataclass(frozen=True)
class Said:
    """One decision about the series that `pattern` names; times are microseconds UTC.

    Parameters
    ----------
    pattern : an id, its code alone, or an id with `*`
    at : when it was decided
    start, stop : what it speaks of: from the first window of a new normal, an incident or a silence
    until : an acknowledgement holds so long; None: as long as the incident is open
    verdict : of an acknowledgement: real or false
    who, why : in words

    """

    pattern: str
    at: int
    start: int
    stop: int | None = None
    until: int | None = None
    verdict: str = ""
    who: str = ""
    why: str = ""


@dataclass(frozen=True)
class Decided:
    """All of them, by kind."""

    accepted: tuple[Said, ...] = ()
    silences: tuple[Said, ...] = ()
    acks: tuple[Said, ...] = ()


def decided(decisions: Decisions) -> Decided:
    """What stands in `mlops.decisions.toml` about series."""
    return Decided(
        tuple(_said("accept", e, "since") for e in decisions.of("accept")),
        tuple(_said("silence", e, "from") for e in decisions.of("silence")),
        tuple(_said("ack", e, "since") for e in decisions.of("ack")),
    )


def _said(kind: str, entry: Mapping[str, Any], first: str) -> Said:
    where = f"mlops.decisions.toml, [[{kind}]] of {entry['id']}"
    start = _us(entry.get(first), where, first)
    stop = "until" if kind == "silence" else "to"
    return Said(
        pattern=str(entry["id"]),
        at=_us(entry.get("at", entry.get(first)), where, "at"),
        start=start,
        stop=_us(entry[stop], where, stop) if stop in entry else None,
        until=_us(entry["until"], where, "until") if "until" in entry else None,
        verdict=str(entry.get("verdict", "")),
        who=str(entry.get("who", "")),
        why=str(entry.get("why", "")),
    )


def _us(value: Any, where: str, key: str) -> int:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        raise UsageError(f"{key} is no time", where, f"write {key} = 2026-01-31T06:00:00Z")
    at = value if value.tzinfo else value.replace(tzinfo=UTC)
    return round(at.timestamp() * 1_000_000)


def names(pattern: str, series: str) -> bool:
    """Whether a pattern names the series with this id: the id, its code, or with `*`."""
    return (
        pattern == series
        or pattern == series.split("/", 1)[0]
        or ("*" in pattern and fnmatchcase(series, pattern))
    )


def ids_of(frame: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Id of every series of a frame → its values of SERIES."""
    rows = frame.select(SERIES).unique(maintain_order=True).iter_rows(named=True)
    return {f"{row['code']}/{scope_of(row).path()}": tuple(row[k] for k in SERIES) for row in rows}


def shifts(accepted: Sequence[Said], ids: Iterable[str]) -> dict[str, list[tuple[int, int]]]:
    """Id of a series → its accepted shifts: (decided, since)."""
    out: dict[str, list[tuple[int, int]]] = {}
    for series in ids:
        mine = [(one.at, one.start) for one in accepted if names(one.pattern, series)]
        if mine:
            out[series] = mine
    return out


def silenced(frame: pl.DataFrame, silences: Sequence[Said]) -> pl.DataFrame:
    """SERIES and windows that nobody wants to hear of."""
    return _spans(
        frame, [(one, one.start, one.stop if one.stop is not None else one.until) for one in silences]
    )


def known_incidents(frame: pl.DataFrame, acks: Sequence[Said]) -> pl.DataFrame:
    """SERIES and windows of incidents that somebody called real: nothing to learn from."""
    real = [one for one in acks if one.verdict == "real"]
    return _spans(frame, [(one, one.start, one.start + 1 if one.stop is None else one.stop) for one in real])


def _spans(frame: pl.DataFrame, spans: Sequence[tuple[Said, int, int | None]]) -> pl.DataFrame:
    keys = ids_of(frame) if spans else {}
    out = [frame.select(*SERIES, "window").clear()]
    for one, start, stop in spans:
        mine = [key for series, key in keys.items() if names(one.pattern, series)]
        if not mine:
            continue
        wanted = pl.DataFrame(mine, schema=dict.fromkeys(SERIES, pl.String), orient="row")
        inside = (pl.col("window") >= start) & (pl.col("window") < (stop if stop is not None else 2**62))
        out.append(frame.filter(inside).join(wanted, on=SERIES, how="semi").select(*SERIES, "window"))
    return pl.concat(out).unique(maintain_order=True)


def rebased(frame: pl.DataFrame, accepted: Mapping[str, Sequence[tuple[int, int]]]) -> pl.DataFrame:
    """The measurements with the accepted level as their reference, from the shift on.

    A distance from the baseline is measured from its accepted size.
    """
    if not accepted:
        return frame
    keys = ids_of(frame)
    for series, mine in accepted.items():
        key = dict(zip(SERIES, keys[series], strict=True))
        own = pl.all_horizontal(pl.col(k) == v for k, v in key.items())
        for at, since in mine:
            after = own & (pl.col("window") >= since)
            level = frame.filter(after & (pl.col("window") <= max(at, since)))
            distance = key["code"].startswith("drift")
            column = pl.coalesce("size", "value") if distance else pl.col("value")
            middle = level.select(column.median()).item()
            if middle is None:
                continue
            if distance:
                moved = (pl.coalesce("size", "value") - middle).abs()
                frame = frame.with_columns(size=pl.when(after).then(moved).otherwise("size"))
            else:
                moved = pl.when(after).then(pl.lit(middle)).otherwise("reference")
                frame = frame.with_columns(reference=moved)
    return frame
