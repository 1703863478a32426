"""Adaptive lines: the history of every series → what its windows look like beside it, and its incidents."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.judge.say import SERIES, scope_of
from mlops_cli.judge.scales import Scale, scale_of
from mlops_cli.profile.kept import Kept
from mlops_cli.result.finding import Level
from mlops_cli.stats.ordered import median
from mlops_cli.stats.scale import back, effect, transform
from mlops_cli.stats.season import Calendar, of_times
from mlops_cli.stats.snapshot import digest
from mlops_cli.stats.watch import resume, watch
from mlops_cli.stats.watched import Batch, Promise, Watched, promise

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DISTANCE_EFFECT = 0.05  # of a distance without a warning line
FIRST = 21  # windows by which the spread of the rows is told
DEVIATE = 1.959964  # the intervals of the metrics: 95 %, both sides
CHUNK = 256  # series watched at a time


@dataclass(frozen=True)
class Promised:
    """What the run promises, and the windows it is kept in.

    Parameters
    ----------
    starts, ends : of every window, microseconds UTC
    per_alarm, per_metric : days in which one false alarm is allowed: of the run, of one series
    timezone : of the wall clock by which days and weeks go
    partial : starts of windows that are not whole
    excluded : starts of windows that are known to be odd
    warmup : windows before the first judgement; 0: the default

    """

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    per_alarm: float
    per_metric: float
    timezone: str = "UTC"
    partial: frozenset[int] = frozenset()
    excluded: frozenset[int] = frozenset()
    warmup: int = 0

    @property
    def seconds(self) -> float:
        """Length of a window: the middle one, for days have 23 to 25 hours."""
        lengths = sorted(e - s for s, e in zip(self.starts, self.ends, strict=True))
        return lengths[len(lengths) // 2] / 1e6 if lengths else 0.0

    @property
    def per_day(self) -> float:
        """Windows a day."""
        return 86_400 / self.seconds if self.seconds > 0 else 0.0

    @property
    def windows_per_alarm(self) -> float:
        """Runs in which the whole fleet may alarm falsely once."""
        return self.per_alarm * self.per_day

    def how(self) -> Promise:
        """The promise of one series."""
        return promise(self.per_day, self.per_metric / 365.25, warmup=self.warmup)

    def calendar(self) -> Calendar:
        """Where each window lies in the local day and week."""
        zone = ZoneInfo(self.timezone)
        local = [datetime.fromtimestamp(s // 1_000_000, UTC).astimezone(zone) for s in self.starts]
        return of_times(local, self.per_day)


@dataclass(frozen=True)
class Adaptive:
    """How a metric adapts.

    Parameters
    ----------
    top : the level an adaptive finding may reach
    asked : it stands in the configuration: without history the series is unknown
    direction, unit, whole_windows : of the metric
    min_effect : smallest change that matters, in the metric's unit; 0: what its kind has
    drift_line : the warning line of a distance, 0 where there is none
    sigmas : level → width of a bound in sigmas

    """

    top: Level
    asked: bool
    direction: str
    unit: str
    whole_windows: bool = False
    min_effect: float = 0.0
    drift_line: float = 0.0
    sigmas: Mapping[Level, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Series of one scale over the same windows, and what was seen in them."""

    scale: Scale
    keys: pl.DataFrame
    values: Floats
    rows: Floats
    how: tuple[Adaptive, ...]
    watched: Watched


def groups(
    measured: pl.DataFrame,
    metrics: Mapping[tuple[str, str], Adaptive],
    promised: Promised,
    accepted: Mapping[str, Sequence[tuple[int, int]]],
    excluded: pl.DataFrame | None = None,
    kept: Kept | None = None,
) -> list[Group]:
    """Watch every series that adapts and has history enough.

    Parameters
    ----------
    measured : frame of MEASUREMENT, all windows
    metrics : (group, code) → how it adapts
    promised : of the run
    accepted : id of a series → (decided, since), microseconds
    excluded : SERIES and windows not to be learnt from: known incidents, breaches of fixed lines, silences
    kept : where what was seen of earlier windows is kept; it changes time, not the answer

    """
    how = promised.how()
    if len(promised.starts) <= how.warmup:
        return []
    calendar = promised.calendar()
    wanted = pl.DataFrame(list(metrics), schema={"group": pl.String, "code": pl.String}, orient="row")
    frame = measured.join(wanted, on=["group", "code"], how="semi").filter(pl.col("value").is_not_null())
    by_scale: dict[Scale, list[pl.DataFrame]] = {}
    for part in frame.partition_by("group", "code", maintain_order=True):
        own = metrics[part["group"][0], part["code"][0]]
        scale = scale_of(part, own.unit)
        if scale is not None:
            by_scale.setdefault(scale, []).append(part)
    out = []
    for scale, parts in by_scale.items():
        together = pl.concat(parts).sort(SERIES)
        known = together.group_by(SERIES, maintain_order=True).agg(pl.len().alias("known"))
        enough = known.filter(pl.col("known") > how.warmup).select(SERIES)
        for k in range(0, enough.height, CHUNK):
            keys = enough[k : k + CHUNK]
            odd = _odd(keys, promised, excluded)
            out.append(
                _group(scale, keys, together, metrics, (promised, how, calendar), (accepted, odd), kept)
            )
    return out


def _group(
    scale: Scale,
    keys: pl.DataFrame,
    frame: pl.DataFrame,
    metrics: Mapping[tuple[str, str], Adaptive],
    when: tuple[Promised, Promise, Calendar],
    said: tuple[Mapping[str, Sequence[tuple[int, int]]], Bools],
    kept: Kept | None,
) -> Group:
    promised, how, calendar = when
    accepted, excluded = said
    starts = pl.DataFrame(
        {"window": promised.starts, "t": range(len(promised.starts))},
        schema_overrides={"window": pl.Int64, "t": pl.Int64},
    )
    own = tuple(metrics[g, c] for g, c in keys.select("group", "code").iter_rows())
    placed = frame.join(keys.with_row_index("s"), on=SERIES).join(starts, on="window")
    at = (placed["s"].to_numpy(), placed["t"].to_numpy())

    def dense(column: pl.Expr) -> Floats:
        out = np.full((keys.height, len(promised.starts)), np.nan)
        out[at] = placed.select(column.cast(pl.Float64).fill_null(float("nan"))).to_series().to_numpy()
        return out

    values = dense(pl.coalesce("size", "value") if scale.distance else pl.col("value"))
    rows = dense(pl.col("n"))
    error = dense((pl.col("high") - pl.col("low")) / (2 * DEVIATE))
    whole = np.array([a.whole_windows for a in own])
    unfinished = np.isin(promised.starts, list(promised.partial))
    values[whole[:, None] & unfinished] = np.nan
    length = (np.array(promised.ends) - np.array(promised.starts)) / 1e6 / promised.seconds
    counted = scale.kind == "count"
    y, sampling = transform(scale.kind, values / length if counted else values, rows, np.nan_to_num(error))
    events = values if counted else np.round(values * rows)
    rare = scale.kind in {"count", "rate"}
    batch = Batch(
        y=y,
        sampling=np.where(np.isfinite(sampling), sampling, 0.0),
        calendar=calendar,
        min_effect=_effects(scale, own, error, rows),
        side=np.array([{"up": 1, "down": -1}.get(a.direction, 0) for a in own]),
        events=events if rare else None,
        exposure=(np.broadcast_to(length, y.shape) if counted else np.nan_to_num(rows)) if rare else None,
        counted=counted,
        excluded=excluded,
        accepted=_accepted(keys, y, promised, accepted),
    )
    name = _name(scale, keys, how, promised)
    return Group(scale, keys, values, rows, own, _watched(batch, how, kept, name))


def _name(scale: Scale, keys: pl.DataFrame, how: Promise, promised: Promised) -> str:
    """Of the same series over windows that begin alike."""
    told = json.dumps([asdict(scale), keys.rows(), asdict(how), promised.starts[0], promised.seconds])
    return hashlib.blake2b(told.encode(), digest_size=12).hexdigest()


def _watched(batch: Batch, how: Promise, kept: Kept | None, name: str) -> Watched:
    """Only the windows that are new since the last run, where the others are as they were."""
    if kept is None:
        return watch(batch, how)
    old = kept.get(name)
    if old is not None:
        stop = int(old["stop"])
        same = stop <= batch.y.shape[1] and bytes(old["digest"]).decode() == digest(batch, how, stop)
        old = old if same else None
    seen, new = resume(batch, how, old)
    if new and (old is None or int(new["stop"]) > int(old["stop"])):
        mark = np.frombuffer(digest(batch, how, int(new["stop"])).encode(), np.uint8)
        kept.put(name, {**new, "digest": mark})
    return seen


def _odd(keys: pl.DataFrame, promised: Promised, excluded: pl.DataFrame | None) -> Bools:
    """Windows not to be learnt from, (S, N)."""
    out = np.zeros((keys.height, len(promised.starts)), np.bool_)
    out[:] = np.isin(promised.starts, list(promised.excluded))
    if excluded is not None and not excluded.is_empty():
        placed = excluded.join(keys.with_row_index("s"), on=SERIES)
        out[placed["s"].to_numpy(), np.searchsorted(promised.starts, placed["window"].to_numpy())] = True
    return out


def _effects(
    scale: Scale, own: Sequence[Adaptive], error: Floats, rows: Floats
) -> Callable[[Floats, Ints], Floats]:
    """Smallest changes that matter, at a level: as configured, else as the scale has it."""
    given = np.array([a.min_effect for a in own])
    absolute = np.where(given > 0, given, scale.absolute)
    relative = np.where(given > 0, 0.0, scale.relative)
    if scale.distance:
        absolute = np.where(given > 0, given, [a.drift_line or DISTANCE_EFFECT for a in own])
    if scale.of_rows:  # of the first windows: what came later must not decide on them
        first = (error * np.sqrt(rows))[:, :FIRST]
        deviation = np.nan_to_num(median(first))
        absolute = np.where(given > 0, given, scale.of_rows * deviation)

    def at(level: Floats, which: Ints) -> Floats:
        return effect(scale.kind, back(scale.kind, level), relative[which], absolute[which])

    return at


def _accepted(
    keys: pl.DataFrame,
    y: Floats,
    promised: Promised,
    accepted: Mapping[str, Sequence[tuple[int, int]]],
) -> list[dict[int, int]]:
    """For each series: window of a decision → first window of the new normal.

    A decision counts at the last window that had begun by then and has a value.
    """
    starts = np.array(promised.starts)
    out: list[dict[int, int]] = []
    for s, row in enumerate(keys.iter_rows(named=True)):
        mine: dict[int, int] = {}
        for decided, since in accepted.get(series_id(row), ()):
            known = np.flatnonzero((starts <= decided) & ~np.isnan(y[s]))
            first = int(np.searchsorted(starts, since))
            if len(known) and first <= known[-1]:
                mine[int(known[-1])] = first
        out.append(mine)
    return out


def series_id(row: Mapping[str, Any]) -> str:
    """The id of a finding of this series."""
    return f"{row['code']}/{scope_of(row).path()}"
