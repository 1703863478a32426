"""Requests that both versions answered, mirrored or replayed: counts of pairs that part."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log

import polars as pl

from mlops_cli.config.rollout import Rollout
from mlops_cli.logs.arms import KINDS, arm_of, can
from mlops_cli.logs.format import Part
from mlops_cli.profile.arm_facts import CONTROL, TREATMENT
from mlops_cli.profile.arm_rows import Range, Reading

ROWS = 20_000_000
SCHEMA = {
    "metric": pl.String,
    "window": pl.Int64,
    "n": pl.Float64,
    "treatment": pl.Float64,
    "control": pl.Float64,
    "s": pl.Float64,
    "q": pl.Float64,
}
ANSWERS, LATENCY = "answers", "log-latency"


@dataclass(frozen=True)
class Mirrored:
    """Pairs by window.

    Parameters
    ----------
    counts : SCHEMA; `treatment` and `control` count pairs in which only that arm has the event; of answers
        `s` those that differ; of log-latency `s`, `q` sums of the differences treatment less control
    both : of control, pairs with the event in it, by metric
    pairs : in all
    alone : rows of the treatment without a counterpart
    notes : what was left out

    """

    counts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SCHEMA))
    both: dict[str, float] = field(default_factory=dict)
    pairs: int = 0
    alone: int = 0
    notes: tuple[str, ...] = ()


def mirrored(
    parts: Sequence[Part], settings: Rollout, names: tuple[str, str], size: int, wanted: Range
) -> Mirrored:
    """Pair the rows of both arms by request id.

    Parameters
    ----------
    parts : of all kinds
    settings : for the column of the arms and the thresholds
    names : control and treatment as logged
    size : of a window, microseconds
    wanted : which rows count

    """
    useful = tuple(
        p
        for p in parts
        if p.kind in KINDS
        and can(p, "timestamp")
        and can(p, "request_id")
        and arm_of(p, settings.arms) is not None
    )
    reading = Reading(useful, settings, (), wanted, control=names[0], treatment=names[1], size=size)
    # What a model answers stands in its predictions; an access log has its failures, too.
    kinds = [k for k in ("predictions", "requests") if any(p.kind == k for p in useful)]
    frames: list[pl.DataFrame] = []
    done: set[str] = set()
    both: dict[str, float] = {}
    pairs = alone = repeated = 0
    for kind in kinds:
        total = sum(p.rows for p in useful if p.kind == kind)
        count, found = total // ROWS + 1, 0
        gives = _gives(reading, kind, settings) - done
        for i in range(count):
            rows = reading.of(kind).filter(pl.col("id").is_not_null() & (pl.col("id") % count == i))
            frame = rows.collect(engine="streaming")
            once = frame.sort("time").unique(["id", "arm"], keep="first", maintain_order=True)
            repeated += frame.height - once.height
            c, b = (once.filter(pl.col("arm") == a) for a in (TREATMENT, CONTROL))
            pair = b.join(c, on="id", suffix="_c")
            found += pair.height
            alone += c.height - pair.height
            pair = pair.with_columns(window=pl.col("time") // size * size)
            frames += _counted(pair, gives, settings, both)
        if found:
            done |= gives
        pairs = max(pairs, found)
    counts = pl.concat(frames).group_by("metric", "window").sum() if frames else pl.DataFrame(schema=SCHEMA)
    notes = (f"{repeated:,} records repeat an id in an arm: the first of them counts",) if repeated else ()
    return Mirrored(counts.select(list(SCHEMA)).sort("metric", "window"), both, pairs, alone, notes)


def _gives(reading: Reading, kind: str, settings: Rollout) -> set[str]:
    out = {m for m in ("error-rate", "null-rate", LATENCY) if reading.gives(kind, m)}
    if reading.has(kind, "prediction"):
        out.add(ANSWERS)
    for name in ("slow-share-p90", "slow-share-p99"):
        if LATENCY in out and settings.margin(name).threshold is not None:
            out.add(name)
    return out


def _counted(
    pair: pl.DataFrame, gives: set[str], settings: Rollout, both: dict[str, float]
) -> list[pl.DataFrame]:
    out = []
    for metric in sorted(gives - {ANSWERS, LATENCY}):
        control, treatment = _event(metric, "", settings), _event(metric, "_c", settings)
        known = pair.filter(control.is_not_null() & treatment.is_not_null())
        counted = known.group_by("window").agg(
            n=pl.len().cast(pl.Float64),
            treatment=(treatment & ~control).sum().cast(pl.Float64),
            control=(control & ~treatment).sum().cast(pl.Float64),
        )
        both[metric] = both.get(metric, 0.0) + float(known.select(control.sum()).item() or 0)
        out.append(_shaped(counted, metric))
    if LATENCY in gives:
        d = pl.col("latency_c").log() - pl.col("latency").log()
        known = pair.filter((pl.col("latency") > 0) & (pl.col("latency_c") > 0))
        both[LATENCY] = both.get(LATENCY, 0.0) + float(
            known.select(pl.col("latency").log().sum()).item() or 0
        )
        out.append(
            _shaped(
                known.group_by("window").agg(n=pl.len().cast(pl.Float64), s=d.sum(), q=(d * d).sum()), LATENCY
            )
        )
    if ANSWERS in gives:
        differ = (_answer("prediction") != _answer("prediction_c")).cast(pl.Float64)
        known = pair.filter(pl.col("prediction").is_not_null() & pl.col("prediction_c").is_not_null())
        out.append(
            _shaped(
                known.group_by("window").agg(n=pl.len().cast(pl.Float64), s=differ.sum(), q=differ.sum()),
                ANSWERS,
            )
        )
    return out


def _event(metric: str, side: str, settings: Rollout) -> pl.Expr:
    if metric.startswith("slow-share"):
        return pl.col(f"latency{side}").log() > log(settings.margin(metric).threshold or 1.0)
    return pl.col({"error-rate": "error", "null-rate": "empty"}[metric] + side)


def _answer(column: str) -> pl.Expr:
    """An answer as text; numbers that are equal to six digits are equal."""
    text = pl.col(column).str.strip_chars().str.to_lowercase()
    number = text.cast(pl.Float64, strict=False)
    return pl.when(number.is_not_null()).then(number.round_sig_figs(6).cast(pl.String)).otherwise(text)


def _shaped(frame: pl.DataFrame, metric: str) -> pl.DataFrame:
    absent = {n: pl.lit(0.0) for n in SCHEMA if n not in frame.columns and n != "metric"}
    return frame.with_columns(pl.lit(metric).alias("metric"), **absent).select(list(SCHEMA))
