"""Adaptive lines: the history of every series → what its windows look like beside it, and its incidents."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.judge.fleet import confirm
from mlops_cli.judge.say import SERIES, scope_of
from mlops_cli.judge.scales import Scale, scale_of
from mlops_cli.result.finding import Level, Rule
from mlops_cli.stats.episode import DRIFT, JUMP, Episode
from mlops_cli.stats.ordered import median
from mlops_cli.stats.scale import back, effect, transform
from mlops_cli.stats.season import Calendar, of_times
from mlops_cli.stats.watch import watch
from mlops_cli.stats.watched import Batch, Promise, Watched, promise

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DISTANCE_EFFECT = 0.05  # of a distance without a warning line
FIRST = 21  # windows by which the spread of the rows is told
DEVIATE = 1.959964  # the intervals of the metrics: 95 %, both sides
MEASURED_DAYS, MEASURED_WINDOWS = 28, 56  # of history (of daily windows) with which the promise was measured
CHUNK = 256  # series watched at a time
LINES: dict[str, Any] = {
    "a_level": pl.Int64,
    "a_rule": pl.String,
    "a_threshold": pl.Float64,
    "a_reference": pl.Float64,
    "a_low": pl.Float64,
    "a_high": pl.Float64,
    "a_p": pl.Float64,
    "a_size": pl.Float64,
    "a_since": pl.Int64,
    "a_shifted": pl.Boolean,
    "a_warm": pl.Boolean,
    "a_asked": pl.Boolean,
}


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
) -> list[Group]:
    """Watch every series that adapts and has history enough.

    Parameters
    ----------
    measured : frame of MEASUREMENT, all windows
    metrics : (group, code) → how it adapts
    promised : of the run
    accepted : id of a series → (decided, since), microseconds
    excluded : SERIES and windows not to be learnt from: known incidents, breaches of fixed lines, silences

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
            out.append(_group(scale, keys, together, metrics, (promised, how, calendar), (accepted, odd)))
    return out


def _group(
    scale: Scale,
    keys: pl.DataFrame,
    frame: pl.DataFrame,
    metrics: Mapping[tuple[str, str], Adaptive],
    when: tuple[Promised, Promise, Calendar],
    said: tuple[Mapping[str, Sequence[tuple[int, int]]], Bools],
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
    return Group(scale, keys, values, rows, own, watch(batch, how))


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


def beside(frame: pl.DataFrame, found: Sequence[Group], promised: Promised) -> pl.DataFrame:
    """The measurements with what the adaptive lines say of them; null where a series has none.

    Parameters
    ----------
    frame : measurements to be judged
    found : what `groups` gave
    promised : of the run

    Returns
    -------
    frame
        With the columns of LINES: level (with the rule of the fleet), rule, threshold, reference (what was
        expected), low and high (alarm line), p, size (standard deviations), since, whether a shift is not yet
        accepted, and whether history is still too short.

    """
    told = _told(found, promised)
    keys = pl.concat([g.keys for g in found]) if found else frame.select(SERIES).clear()
    placed = frame.join(keys.with_row_index("s"), on=SERIES, how="left", maintain_order="left")
    series = placed["s"].to_numpy()
    t = np.searchsorted(np.array(promised.starts), placed["window"].to_numpy())
    there = ~np.isnan(series.astype(np.float64))
    at = (np.nan_to_num(series.astype(np.float64)).astype(np.int64)[there], t[there])
    columns = []
    for name, dtype in LINES.items():
        column = np.full(frame.height, None, dtype=object)
        if there.any():
            column[there] = told[name][at].tolist()
        columns.append(pl.Series(name, column.tolist(), dtype, strict=False))
    level = pl.col("a_level")
    return frame.with_columns(columns).with_columns(
        pl.when(level >= 0).then(level).alias("a_level"),
        *(pl.col(n).fill_nan(None) for n, d in LINES.items() if d == pl.Float64),
    )


def _told(found: Sequence[Group], promised: Promised) -> dict[str, NDArray[Any]]:
    """The columns of LINES as (S, N) arrays over all groups."""
    if not found:
        return {}
    seen = [g.watched for g in found]
    own, eye = (np.concatenate([getattr(w, k) for w in seen]).astype(np.int64) for k in ("level", "eye"))
    p, running, u = (np.concatenate([getattr(w, k) for w in seen]) for k in ("p", "running", "u"))
    family = np.concatenate([g.keys["segment"].to_numpy() != "" for g in found])
    fleet = confirm(p, running, own, family, promised.windows_per_alarm)
    low, centre, high, far, warm = (np.concatenate(x) for x in zip(*(_back(g) for g in found), strict=True))
    warned = (fleet.jump_warning & (eye == JUMP)) | (fleet.drift_warning & (eye == DRIFT))
    level = np.where((own == Level.WARNING) & ~warned, Level.OK, np.minimum(own, Level.WARNING))
    alarmed = (own == Level.ALARM) & (fleet.jump | fleet.drift)
    since = np.broadcast_to(np.array(promised.starts), level.shape).copy()
    shifted = np.zeros(level.shape, np.bool_)
    episodes = [e for w in seen for e in w.episodes]
    for s, t, stop, one in _spans(episodes, level.shape[1]):
        confirmed = np.logical_or.accumulate(alarmed[s, t:stop] | fleet.drift[s, t:stop])
        level[s, t:stop] = np.where(confirmed, Level.ALARM, Level.WARNING)
        eye[s, t:stop] = np.where(eye[s, t:stop] == 0, one.eye, eye[s, t:stop])
        since[s, t:stop] = promised.starts[one.since]
        if one.shifted is not None:
            level[s, one.shifted : stop] = Level.WARNING
            shifted[s, one.shifted : stop] = True
    rule = np.where(level >= Level.WARNING, np.where(eye == DRIFT, Rule.DRIFT.value, Rule.JUMP.value), "")
    how = [a for g in found for a in g.how]
    level = np.minimum(level, np.array([a.top for a in how])[:, None])
    level = np.minimum(level, np.where(_young(found, promised, how), Level.WARNING, Level.ALARM))
    _sigmas(level, rule, u, how)
    drifted = rule == Rule.DRIFT.value
    silent = np.concatenate([np.isnan(g.values) for g in found]) & (level < Level.WARNING)
    return {
        "a_level": np.where(silent, -1, level),
        "a_rule": rule,
        "a_threshold": np.where(drifted, np.nan, np.where(u < 0, low, high)),
        "a_reference": np.where(drifted, far, centre),
        "a_low": low,
        "a_high": high,
        "a_p": p,
        "a_size": np.abs(u),
        "a_since": since,
        "a_shifted": shifted,
        "a_warm": warm,
        "a_asked": np.broadcast_to(np.array([a.asked for a in how])[:, None], level.shape),
    }


def _young(found: Sequence[Group], promised: Promised, how: Sequence[Adaptive]) -> Bools:
    """Where a line that nobody asked for only warns: its promise was measured with more history."""
    there = np.concatenate([~np.isnan(g.values) for g in found])
    first = np.where(there.any(axis=1), there.argmax(axis=1), there.shape[1])
    grown = first + (MEASURED_DAYS * promised.per_day if promised.per_day > 2 else MEASURED_WINDOWS)
    asked = np.array([a.asked for a in how])
    return np.asarray(~asked[:, None] & (np.arange(there.shape[1]) < grown[:, None]))


def _spans(episodes: Sequence[Sequence[Episode]], windows: int) -> Iterator[tuple[int, int, int, Episode]]:
    """Series, first window, window after the last, and the incident itself."""
    for s, own in enumerate(episodes):
        for one in own:
            open_ = one.end is None or one.how == "shifted"
            yield s, one.opened, windows if open_ or one.end is None else one.end, one


def _back(group: Group) -> tuple[Floats, Floats, Floats, Floats, Bools]:
    """Line, forecast and old line in the metric's unit, and where history is too short."""
    seen, kind = group.watched, group.scale.kind
    rows = np.where(group.rows > 0, group.rows, 1e9)
    low, centre, high, far = (back(kind, y, rows) for y in (seen.low, seen.centre, seen.high, seen.far))
    return low, centre, high, far, np.isnan(seen.centre)


def _sigmas(level: Ints, rule: NDArray[np.str_], u: Floats, how: Sequence[Adaptive]) -> None:
    """Bounds in sigmas, in place: no evidence is asked for beside the size."""
    for s, own in enumerate(how):
        side = {"up": u[s], "down": -u[s]}.get(own.direction, np.abs(u[s]))
        for wanted, width in sorted(own.sigmas.items()):
            beyond = (side >= width) & (level[s] < wanted)
            level[s, beyond], rule[s, beyond] = wanted, Rule.SIGMA.value


def series_id(row: Mapping[str, Any]) -> str:
    """The id of a finding of this series."""
    return f"{row['code']}/{scope_of(row).path()}"
