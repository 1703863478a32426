"""Counts of two arms by window and stratum: all that a decision on traffic needs of the rows.

Rates and means have one form: `n` units, `s` the sum of their values (of a rate: those with the event), `q`
the sum of squares.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor, log2

import polars as pl

from mlops_cli.config.rollout import Rollout
from mlops_cli.config.section import seconds
from mlops_cli.logs.arms import KINDS, arm_of, can
from mlops_cli.logs.format import Part
from mlops_cli.profile.arm_facts import Frozen, axis, both_arms, choose_arms, choose_window, freeze
from mlops_cli.profile.arm_joins import MISSED, joined
from mlops_cli.profile.arm_rows import MEANS, RATES, Range, Reading, cells, with_values

SECOND = 1_000_000
COUNTS = {
    "metric": pl.String,
    "window": pl.Int64,
    "arm": pl.String,
    "stratum": pl.String,
    "n": pl.Float64,
    "s": pl.Float64,
    "q": pl.Float64,
}
TRAFFIC = ""  # the metric that counts units where they first came
ACTIVE = "active"  # the same in every window in which they come


@dataclass(frozen=True)
class ArmCounts:
    """What the logs say of two arms.

    Parameters
    ----------
    control, treatment : as logged; control is empty for a new capability
    size : of a window, microseconds
    starts : of every window from the first to the last, empty ones too
    counts : COUNTS; `arm` is CONTROL or TREATMENT; the metric TRAFFIC holds units at first exposure
    statuses : window, arm, stratum, status of 400 or more, n
    strata : columns that `stratum` holds, as `column=value` parts joined by a comma; `within` those of them
        in whose values the arms are compared
    frozen : slow-share → its threshold
    unit : what n counts
    both, units : units that met both arms, and all that came more than once
    missing : metric → why these logs cannot give it
    seen : arm as logged → rows
    newest : time of the newest row, microseconds
    notes : what was assumed or left out

    """

    control: str
    treatment: str
    size: int
    starts: tuple[int, ...]
    counts: pl.DataFrame
    statuses: pl.DataFrame
    strata: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    frozen: Mapping[str, Frozen] = field(default_factory=dict)
    unit: str = "request"
    both: int = 0
    units: int = 0
    missing: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, int] = field(default_factory=dict)
    newest: int = 0
    notes: tuple[str, ...] = ()


def count_arms(
    parts: Sequence[Part], settings: Rollout, by: Sequence[str], wanted: Range, redo_within: int = 600
) -> ArmCounts:
    """Read the rows of both arms once and count them.

    Parameters
    ----------
    parts : of all kinds
    settings : arms, window, unit, thresholds
    by : columns within whose values the arms are compared, beside those of the settings
    wanted : which rows count
    redo_within : seconds in which the same question of the same user is asked again

    Raises
    ------
    UsageError
        Where nothing tells the arms apart, or the arms to compare cannot be chosen.

    """
    within = tuple(dict.fromkeys((*settings.strata, *by)))
    reading, seen = _told_apart(parts, settings, within, wanted)
    settings = reading.settings
    control, treatment, said = choose_arms(seen, settings, [p.source.shown for p in parts])
    reading = replace(reading, control=control, treatment=treatment)
    main = reading.main()
    times = reading.of(main)
    size = (
        choose_window(times) if settings.window == "auto" else seconds(settings.window)
    ) * SECOND  # fmt: skip
    starts, newest, stray = axis(times, size, wanted.now)
    unit, unit_said = reading.unit(main)
    reading = replace(reading, size=size, starts=starts, unit_column=unit)
    strata, values = reading.strata(main)
    reading = replace(reading, values=values)
    counter = _Counter(reading, main, unit)
    frozen = counter.freeze()
    for kind in dict.fromkeys((main, *KINDS)):
        counter.take(kind)
    counter.take_joined(parts, redo_within)
    missing = {m: reading.why(m) for m in (*RATES, *MEANS) if m not in counter.done}
    missing |= {m: f.why for m, f in frozen.items() if f.why} | counter.why
    return ArmCounts(
        control=control,
        treatment=treatment,
        size=size,
        starts=starts,
        counts=_together(counter.frames),
        statuses=_statuses_together(counter.statuses),
        strata=strata,
        within=tuple(w for w in within if w in strata),
        frozen=frozen,
        unit=unit or "request",
        both=counter.both,
        units=counter.units,
        missing=missing,
        seen=seen,
        newest=newest,
        notes=(*said, *unit_said, *counter.notes(stray)),
    )


def _told_apart(
    parts: Sequence[Part], settings: Rollout, within: tuple[str, ...], wanted: Range
) -> tuple[Reading, dict[str, int]]:
    """The rows that tell their arm, and the arms seen; by the version where versions were asked for."""

    def by(arms: str) -> tuple[Reading, dict[str, int]]:
        mine = settings.model_copy(update={"arms": arms})
        useful = [p for p in parts if p.kind in KINDS and can(p, "timestamp") and arm_of(p, arms) is not None]
        reading = Reading(tuple(useful), mine, within, wanted)
        return reading, reading.seen()

    reading, seen = by(settings.arms)
    if settings.treatment and settings.treatment not in seen and not settings.arms:
        other, versions = by("model_version")
        if settings.treatment in versions:
            return other, versions
    return reading, seen


class _Counter:
    """Counts as they add up, a kind of log and a partition at a time."""

    def __init__(self, reading: Reading, main: str, unit: str) -> None:
        self.reading, self.main, self.unit = reading, main, unit
        self.frozen: Mapping[str, Frozen] = {}
        self.kept: dict[str, list[tuple[pl.DataFrame, int]]] = {}
        self.frames: list[pl.DataFrame] = []
        self.statuses: list[pl.DataFrame] = []
        self.done: set[str] = set()
        self.both = self.units = self.repeated = self.lost = 0
        self.lacking: list[str] = []
        self.said: list[str] = []
        self.why: dict[str, str] = {}

    def rows(self, kind: str) -> Iterable[tuple[pl.DataFrame, int]]:
        """Read anew each time, but where all of them fit into memory."""
        if kind in self.kept:
            return self.kept[kind]
        if self.reading.partitions_of(kind) > 1:
            return self.reading.partitions(kind)
        self.kept[kind] = list(self.reading.partitions(kind))
        return self.kept[kind]

    def freeze(self) -> Mapping[str, Frozen]:
        """The thresholds above which an answer is slow."""
        kind = next((k for k in KINDS if self.reading.has(k, "latency_ms")), "")
        found = (
            [cells(frame).with_columns(pl.col("arm").cast(pl.String)) for frame, _ in self.rows(kind)]
            if kind
            else []
        )
        empty = pl.DataFrame(schema={"window": pl.Int64, "arm": pl.String, "bin": pl.Int64, "len": pl.UInt32})
        self.frozen = freeze(
            pl.concat([empty, *found]), self.reading.settings, two=bool(self.reading.control)
        )
        return self.frozen

    def take(self, kind: str) -> None:
        """The metrics that no log before gave, and the traffic where it is the main one."""
        metrics = [m for m in (*RATES, *MEANS) if m not in self.done and self.reading.gives(kind, m)]
        if not metrics and kind != self.main:
            return
        self.done.update(metrics)
        unit = self.unit if self.reading.has(kind, self.unit) else ""
        if self.unit and not unit:
            self.lacking.append(kind)
        for rows, repeated in self.rows(kind):
            self.repeated += repeated
            frame, lost = _units(with_values(rows, self.frozen), unit)
            self.lost += lost
            self.frames.append(_counted(frame, metrics))
            if "error-rate" in metrics:
                self.statuses.append(_statuses(frame))
            if kind != self.main:
                continue
            self.frames += [_traffic(frame, ACTIVE), _traffic(_first(frame), TRAFFIC)]
            if unit:
                both, units = both_arms(frame)
                self.both, self.units = self.both + both, self.units + units

    def take_joined(self, parts: Sequence[Part], within: int) -> None:
        """What only feedback and repeated questions tell."""

        def count(rows: pl.DataFrame, metric: str, column: str) -> pl.DataFrame:
            value = pl.col(column).cast(pl.Float64).alias("value")
            keys = ["window", "arm", "stratum"]
            rows = rows.select(*keys, "unit", value)
            if self.unit and rows["unit"].null_count() < rows.height:
                one = pl.col("value").mean() if metric == MISSED else pl.col("value").max()
                rows = rows.filter(pl.col("unit").is_not_null()).group_by(*keys, "unit").agg(one)
            return _sums(rows, metric, pl.col("value"))

        frames, self.why, said = joined(parts, self.reading, within, count)
        self.frames += frames
        self.said += said

    def notes(self, stray: int) -> list[str]:
        """What was left out, in words."""
        out = [
            f"the log of {kind} has no {self.unit}: its metrics count rows, which may not be independent"
            for kind in self.lacking
        ]
        if stray:
            out.append(f"{stray:,} rows have times far outside the rest and are left out")
        if self.repeated:
            out.append(f"{self.repeated:,} records repeat another one exactly: each counts once")
        out += self.said
        if self.lost:
            out.append(f"{self.lost:,} rows have no {self.unit} and are left out")
        return out


def _units(frame: pl.DataFrame, unit: str) -> tuple[pl.DataFrame, int]:
    """One row a unit, window, arm and stratum: it has the event if any of its rows does."""
    if not unit:
        return frame.drop("unit"), 0
    known = frame.filter(pl.col("unit").is_not_null())
    one = known.group_by("window", "arm", "stratum", "unit").agg(
        pl.col("time").min(),
        *(pl.col(c).max() for c in RATES.values()),
        *(pl.col(c).mean() for c in MEANS.values()),
        pl.col("status").max(),
    )
    return one, frame.height - known.height


def _counted(frame: pl.DataFrame, metrics: Sequence[str]) -> pl.DataFrame:
    out = []
    for metric in metrics:
        value = pl.col({**RATES, **MEANS}[metric]).cast(pl.Float64)
        if metric in MEANS:
            value = pl.when(value.is_finite()).then(value)
        out.append(_sums(frame, metric, value))
    return pl.concat(out) if out else pl.DataFrame(schema=COUNTS)


def _sums(frame: pl.DataFrame, metric: str, value: pl.Expr) -> pl.DataFrame:
    """Units, their sum and squares, of the rows that have a value."""
    value = value.alias("value")
    top = float(frame.select(value.abs().max()).item() or 0.0)
    counted = frame.group_by("window", "arm", "stratum").agg(
        metric=pl.lit(metric),
        n=value.is_not_null().sum().cast(pl.Float64),
        s=_exact(value, top).sum(),
        q=_exact(value * value, top * top).sum(),
    )
    return _shaped(counted)


def _shaped(counted: pl.DataFrame) -> pl.DataFrame:
    return counted.select(pl.col(name).cast(dtype) for name, dtype in COUNTS.items())


def _exact(value: pl.Expr, top: float) -> pl.Expr:
    """Multiples of a millionth of the greatest value: their sum is the same in whatever order."""
    if not top:
        return value
    quantum = 2.0 ** (floor(log2(top)) - 20)
    return (value / quantum).round() * quantum


def _first(frame: pl.DataFrame) -> pl.DataFrame:
    """Units where they first came: a user who comes back is not routed anew."""
    if "unit" not in frame.columns:
        return frame
    return frame.sort("time", "arm", "stratum").unique("unit", keep="first", maintain_order=True)


def _traffic(frame: pl.DataFrame, metric: str) -> pl.DataFrame:
    n = pl.len().cast(pl.Float64)
    counted = frame.group_by("window", "arm", "stratum").agg(n=n, s=n, q=n)
    return _shaped(counted.with_columns(metric=pl.lit(metric)))


def _statuses(frame: pl.DataFrame) -> pl.DataFrame:
    bad = frame.filter(pl.col("status") >= 400)
    texts = pl.col("arm", "stratum").cast(pl.String)
    return bad.group_by("window", texts, "status").agg(pl.len().cast(pl.Float64).alias("n"))


def _statuses_together(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    schema = {"window": pl.Int64, "arm": pl.String, "stratum": pl.String, "status": pl.Int16, "n": pl.Float64}
    if not frames:
        return pl.DataFrame(schema=schema)
    keys_ = ["window", "arm", "stratum", "status"]
    return pl.concat(frames).group_by(keys_).agg(pl.col("n").sum()).sort(keys_)


def _together(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    if not frames:
        return pl.DataFrame(schema=COUNTS)
    keys_ = ["metric", "window", "arm", "stratum"]
    return pl.concat(frames).group_by(keys_).agg(pl.col("n", "s", "q").sum()).select(list(COUNTS)).sort(keys_)
