"""The tables of a report, as `result/tables.py` describes their columns."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import polars as pl

from mlops_cli.cli.seen import Seen
from mlops_cli.judge.say import SERIES as KEYS
from mlops_cli.judge.say import moment, scope_of
from mlops_cli.metrics.registry import METRICS
from mlops_cli.result.finding import Finding, Level, Status
from mlops_cli.result.report import Table
from mlops_cli.result.scope import iso
from mlops_cli.result.tables import BOUNDS, MODELS, SERIES, UNKNOWN, WINDOWS

WINDOW_ROWS = 4_000  # some 400 KB of JSON
WINDOW_SERIES = 1_000
WINDOWS_OF_SERIES = 400  # the latest ones; more than a chart has pixels for


def models_table(seen: Sequence[Seen]) -> Table:
    """One row a model, worst first."""
    rows: list[tuple[Any, ...]] = []
    for one in seen:
        counts = one.outcome.frame.group_by("model").agg(
            pl.col("lined").sum().alias("all"),
            pl.col("unjudged").is_not_null().sum().alias("unknown"),
        )
        for model, total, unknown in counts.sort("model").iter_rows():
            found = [f for f in one.outcome.judgement.findings if f.scope.model == model]
            rows.append(_model(model, total - unknown, unknown, found))
    named = [row for row in rows if row[0] or row[5]]  # what no model's logs can give is no model
    rows = named or rows
    rows.sort(key=lambda r: (-Level[r[1].upper()], -r[2], -r[3], r[0]))
    return Table("models", "models, worst first", MODELS, tuple(rows))


def _model(name: str, checked: int, unknown: int, found: Sequence[Finding]) -> tuple[Any, ...]:
    held = [f for f in found if f.status is not Status.RECOVERED]
    level = max((f.level for f in held), default=Level.OK if checked else Level.UNKNOWN)
    alarms = sum(f.level is Level.ALARM for f in held)
    recovered = sum(f.status is Status.RECOVERED for f in found)
    worst = found[0].id if found else None  # they come by severity
    return (name, level.word, alarms, len(held) - alarms, recovered, checked, unknown, worst)


def series_table(seen: Sequence[Seen]) -> Table:
    """One row a series: where it stands at the end of the judged range."""
    rows = [_series(row) for one in seen for row in _last(one.outcome.frame).iter_rows(named=True)]
    order = {code: i for i, code in enumerate(METRICS)}
    groups = {group: i for i, group in enumerate(dict.fromkeys(METRICS[c].group for c in METRICS))}
    rows.sort(
        key=lambda r: (groups.get(r["group"], len(groups)), order.get(r["code"], len(order)), *_rank(r))
    )
    caption = "every series at the end of the judged range, the worst of each metric first"
    return Table("series", caption, SERIES, tuple(tuple(r[c] for c in SERIES) for r in rows))


def _rank(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Beyond its line first, then all rows before a segment's, then what came nearest to its line."""
    level = Level[(row["level"] or "ok").upper()]
    beyond = level if level >= Level.WARNING else Level.OK
    near = (-Level[row["worst"].upper()], -max(row["used"] or 0.0, 0.0), -abs(row["value"] or 0.0))
    return (row["code"], -beyond, bool(row["segment"]), -level, *near, row["series"])


def _last(frame: pl.DataFrame) -> pl.DataFrame:
    """The last judged row of each series; of one that is never judged, the last."""
    ordered = frame.sort("lined", "window")
    worst = pl.col("level").filter(pl.col("lined")).max().fill_null(int(Level.OK))
    return ordered.group_by(KEYS, maintain_order=True).agg(pl.all().last(), worst.alias("worst"))


def _series(row: Mapping[str, Any]) -> dict[str, Any]:
    unit, direction = "", "both"
    if row["code"] in METRICS:
        metric = METRICS[row["code"]]
        unit, direction = metric.unit, metric.direction
    scope = scope_of(row)
    return {
        **{k: row[k] for k in ("group", "code", "model", "component", "arm", "segment", "field")},
        "series": f"{row['code']}/{scope.path()}",
        "unit": unit,
        "direction": direction,
        "level": Level(row["level"]).word if row["lined"] else None,
        "worst": Level(row["worst"]).word,
        "n": row["n"],
        **{k: short(row[k]) for k in ("value", "low", "high", "reference", "threshold")},
        "used": _used(row, direction),
        "why": row["unjudged"] or row["why"],
    }


def _used(row: Mapping[str, Any], direction: str) -> float | None:
    """How far the measurement has come from its reference to its line; None where that has no meaning."""
    size = row["value"] if row["size"] is None else row["size"]
    start = row["reference"]
    if start is None and direction == "up":
        start = 0.0
    if size is None or start is None or row["threshold"] is None or row["threshold"] == start:
        return None
    return round(float((size - start) / (row["threshold"] - start)), 3)


def windows_table(seen: Sequence[Seen]) -> Table:
    """Every window of the series worth a chart: findings first, then one a metric, then what has no field."""
    ids = {r[0]: r for r in series_table(seen).rows}
    wanted = _worth(seen, ids)
    keys = pl.DataFrame(
        [(name, *(ids[name][SERIES.index(k)] for k in KEYS)) for name in wanted],
        schema={"series": pl.String, **dict.fromkeys(KEYS, pl.String)},
        orient="row",
    )
    by_id: dict[str, list[tuple[Any, ...]]] = {}
    for one in seen:
        by_id |= _windows(one, keys)
    rows: list[tuple[Any, ...]] = []
    cut = 0
    for name in wanted:
        part = by_id.get(name, [])
        if len(rows) + min(len(part), WINDOWS_OF_SERIES) > WINDOW_ROWS:
            break
        cut += len(part) > WINDOWS_OF_SERIES
        rows.extend((name, *row) for row in part[-WINDOWS_OF_SERIES:])
    shown = len({r[0] for r in rows})
    caption = f"windows of {shown} of {len(ids)} series"
    if cut:
        caption += f"; the latest {WINDOWS_OF_SERIES} of each"
    return Table("windows", caption, WINDOWS, tuple(rows))


def _worth(seen: Sequence[Seen], ids: Mapping[str, tuple[Any, ...]]) -> list[str]:
    """Ids of the series in the order in which they get their windows shown."""
    at = {c: i for i, c in enumerate(SERIES)}
    found = [f.id for one in seen for f in one.outcome.judgement.findings]
    first = {(r[at["model"]], r[at["group"]], r[at["code"]]): name for name, r in reversed(list(ids.items()))}
    whole = [name for name, r in ids.items() if not r[at["field"]] and not r[at["segment"]]]
    ordered = dict.fromkeys([*found, *reversed(first.values()), *whole, *ids])
    return [n for n in ordered if n in ids][:WINDOW_SERIES]


def _windows(one: Seen, keys: pl.DataFrame) -> dict[str, list[tuple[Any, ...]]]:
    """All measured windows of these series by id, with the levels of the judged ones."""
    measured = one.counted.measured
    if one.counted.unit.name:
        measured = measured.with_columns(model=pl.lit(one.counted.unit.name))
    judged = one.outcome.frame
    levels = judged.select(*KEYS, "window", "threshold", level=pl.when("lined").then("level"))
    if not judged.is_empty():  # what comes after the judged range belongs to another report
        measured = measured.filter(pl.col("window") <= judged["window"].max())
    frame = (
        measured.join(keys, on=KEYS)
        .join(levels, on=[*KEYS, "window"], how="left")
        .sort("series", "window")
        .select("series", "window", "value", "n", "level", "threshold")
    )
    out: dict[str, list[tuple[Any, ...]]] = {}
    for name, window, value, n, level, threshold in frame.iter_rows():
        word = None if level is None else Level(level).word
        begun = iso(moment(one.counted.line.begin(window)))
        out.setdefault(name, []).append((begun, short(value), n, word, short(threshold)))
    return out


def unknown_table(seen: Sequence[Seen]) -> Table:
    """What could not be judged, by metric, field and reason; the most windows first."""
    frames = [one.outcome.frame.filter(pl.col("lined") & pl.col("unjudged").is_not_null()) for one in seen]
    keys = ["group", "code", "model", "field", "unjudged"]
    counts = [
        f.group_by(keys).agg(pl.struct(KEYS).n_unique().alias("series"), pl.len().alias("windows"))
        for f in frames
    ]
    if not counts:
        return Table("unknown", "what could not be judged", UNKNOWN, ())
    table = pl.concat(counts).sort(["windows", *keys], descending=[True] + [False] * len(keys))
    rows = tuple(table.select(*keys, "series", "windows").iter_rows())
    return Table("unknown", "what could not be judged, and why", UNKNOWN, rows)


def bounds_table(seen: Sequence[Seen], origins: Mapping[str, str]) -> Table:
    """Where the bounds of the findings' metrics stand; `origins` as `config.load.Loaded` has them."""
    codes = dict.fromkeys((f.group, f.code) for one in seen for f in one.outcome.judgement.findings)
    rows = []
    for group, code in codes:
        for key, level in (("alarm", Level.ALARM), ("warn", Level.WARNING)):
            place = origins.get(f"metrics.{group}.{code}.{key}", "").partition(" ")[0]
            file, _, line = place.rpartition(":")
            if file and line.isdecimal():
                rows.append((group, code, level.word, file, int(line)))
    return Table("bounds", "where the bounds of these metrics are set", BOUNDS, tuple(rows))


def short(value: float | None) -> float | None:
    """Six digits are more than any chart shows; what is no number is none."""
    return float(f"{value:.6g}") if value is not None and isfinite(value) else None
