"""Windows of a profile and of the model's metric → how fast each of them moves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.judge.say import moment
from mlops_cli.metrics.tables import Tables
from mlops_cli.result.pace import Mover
from mlops_cli.result.scope import iso
from mlops_cli.stats.half_life import LEAST, HalfLife, half_life
from mlops_cli.stats.multiplicity import benjamini_hochberg
from mlops_cli.stats.shapes import Pace, Rules, by_lag, grouped, pace

Floats = NDArray[np.float64]
MOST = 60  # windows; more are put together, as the search grows with their cube
WEEK = 604_800
DAY = 86_400
FALSE = 0.05  # share of false ones among the fields that are said to move
DEVIATE = 1.959964
FEW = 50  # rows of a window from which its distribution counts
# The fastest first: what must be looked at soonest.
ORDER = (
    "shock", "suspected shock", "fast", "passing shock", "slow", "small jump", "recurring", "still",
    "unknown",
)  # fmt: skip
# Of the model's metrics the first that is known stands for the model; which side is bad, and what is lost
# when it is no longer good enough where no warning line says it.
MAIN = {"auc": ("down", 0.02), "accuracy": ("down", 0.02), "wape": ("up", 0.02)}
STILL = ("still", "recurring", "unknown")
INPUT, OUTPUT = ("feature",), ("prediction", "score")


@dataclass(frozen=True)
class Clock:
    """Windows put together: `of` their number by window (-1: left out), starts, seconds, season."""

    of: NDArray[np.int64]
    starts: tuple[int, ...]
    seconds: float
    period: int

    @property
    def per_week(self) -> float:
        """Windows a week."""
        return WEEK / self.seconds


def clock(starts: Sequence[int], skip: frozenset[int], seconds: int, period: int = 0) -> Clock:
    """At most MOST windows: hours become days, days weeks.

    Parameters
    ----------
    starts : of all windows, microseconds
    skip : of those that do not count: not whole, or known to be odd
    seconds : of a window
    period : of a season, in windows; 0: a day of hours or a week of days, where they stay windows

    """
    sizes = [s for s in (DAY, WEEK, 4 * WEEK) if s > seconds]
    size = seconds
    span = (starts[-1] - starts[0]) / 1e6 + seconds if starts else 0.0
    for larger in sizes:
        if span / size <= MOST:
            break
        size = larger
    times = np.array(starts, np.int64)
    place = (times - times[0]) // (size * 1_000_000) if len(times) else times
    dropped = np.array([s in skip for s in starts], bool)
    if size > seconds and len(place):  # a window that is put together is whole, or it is none
        many = np.bincount(place, ~dropped)
        dropped |= many[place] < 0.9 * many.max()
    kept, number = np.unique(place[~dropped], return_inverse=True)
    of = np.full(len(place), -1, np.int64)
    of[~dropped] = number
    first = tuple(int(times[(place == k) & ~dropped].min()) for k in kept)
    season = {3_600: 24, DAY: 7}.get(size, 0)
    return Clock(of, first, float(size), period if period and size == seconds else season)


def movers(tables: Tables, time: Clock, rules: Rules) -> list[Mover]:
    """Every field, the score and the prediction, all rows; the fastest first."""
    out: list[tuple[Mover, Pace]] = []
    for what, roles in (("input", INPUT), ("output", OUTPUT)):
        ids = tables.ids(kind="predictions", role=roles, type=("number", "category", "age"))
        for field in ids:
            counts = _counts(tables, field, time)
            if counts is None:
                continue
            ordered = tables.fields[field].type != "category"
            enough = counts.sum(axis=1) >= FEW
            found = pace(
                counts[enough],
                per_week=time.per_week,
                period=time.period if bool(enough.all()) else 0,
                ordered=ordered,
                rules=rules,
            )
            starts = [s for s, e in zip(time.starts, enough, strict=True) if e]
            table = grouped(counts[enough], ordered=ordered)
            curve = _curve(table) if len(table) > 1 else {}
            mover = _mover(what, tables.fields[field].name, found, starts, "js")
            out.append((replace(mover, curve=curve), found))
    return ranked(_sure(out))


def ranked(found: Sequence[Mover]) -> list[Mover]:
    """The fastest first, of equally fast ones the larger."""
    return sorted(found, key=lambda m: (ORDER.index(m.kind), -(m.size or 0.0), m.field))


def _counts(tables: Tables, field: int, time: Clock) -> Floats | None:
    """Windows × cells over all models and arms."""
    pairs = tables.grid.filter((pl.col("field") == field) & (pl.col("segment") == ""))
    sids = pairs["sid"].unique().to_list()
    if len(sids) != 1:  # several models: each has its own world
        sids = sids[:1]
    if not sids:
        return None
    matrix = tables.matrix(field, sids[0])
    if not matrix.current.size:
        return None
    full = np.column_stack([matrix.current, matrix.other]) if matrix.names is not None else matrix.current
    out = np.zeros((len(time.starts), full.shape[1]))
    np.add.at(out, time.of[time.of >= 0], full[time.of >= 0])
    return out if out.sum() > 0 else None


def _curve(table: Floats) -> dict[int, float]:
    return {lag: float(np.sign(v) * np.sqrt(abs(v))) for lag, v in by_lag(table).items()}


def _sure(found: Sequence[tuple[Mover, Pace]]) -> list[Mover]:
    """Those that chance explains among so many fields stand still."""
    tested = [(i, p.p) for i, (_, p) in enumerate(found) if p.p is not None]
    lost: set[int] = set()
    if tested:
        kept = benjamini_hochberg([p for _, p in tested], FALSE)
        lost = {i for (i, _), keep in zip(tested, kept, strict=True) if not keep}
    out = []
    for i, (mover, told) in enumerate(found):
        calm = "recurring" if told.season else "still"
        moves = mover.kind not in STILL
        out.append(
            replace(mover, kind=calm, size=None, since=None, width=None, weeks_to_warn=None)
            if i in lost and moves
            else mover
        )
    return out


def metric_mover(series: pl.DataFrame, code: str, time: Clock, warn: float) -> Mover | None:
    """How the model's metric moves; None where no window has it."""
    known = series.drop_nulls("value").sort("window")
    if known.is_empty():
        return None
    found = pace(
        series=known["value"].to_numpy(),
        per_week=time.per_week,
        rules=Rules(warn=warn, least_windows=8),
    )
    return _mover("model", code, found, known["window"].to_list(), code)


def _mover(what: str, name: str, found: Pace, starts: Sequence[int], unit: str) -> Mover:
    kind = found.kind
    if kind == "recurring" and unit == "js" and found.season["size"] < Rules().least_size:
        kind = "still"  # it recurs, but nobody would see it
    since = None if found.start is None else iso(moment(starts[min(found.start, len(starts) - 1)]))
    return Mover(
        what,
        name,
        kind,
        found.size if kind not in STILL or found.start is not None else None,
        unit,
        since,
        found.width,
        found.weeks_to_warn,
        found.season.get("size"),
        found.p,
        found.smallest,
        found.why,
    )


def life(series: pl.DataFrame, code: str, drop: float) -> HalfLife | None:
    """How long the model keeps its worth by its metric; None below six windows with labels."""
    known = series.drop_nulls(["value", "low", "high"]).sort("window")
    if known.height < LEAST:
        return None
    age = (known["window"].to_numpy() - known["window"][0]) / 1e6 / WEEK
    se = (known["high"] - known["low"]).to_numpy() / 2 / DEVIATE
    better = MAIN.get(code, ("down", 0.0))[0] == "down"
    return half_life(age, known["value"].to_numpy(), se, drop, higher_is_better=better)


def main_metric(measured: pl.DataFrame, lines: Mapping[str, float]) -> tuple[str, pl.DataFrame, float]:
    """Code, series and warning step of the metric that stands for the model; an empty code without any."""
    whole = measured.filter((pl.col("group") == "model") & (pl.col("segment") == ""))
    for code, (_, step) in MAIN.items():
        series = whole.filter(pl.col("code") == code)
        if series["value"].count():
            return code, series, lines.get(code, step)
    return "", whole.head(0), 0.0
