"""Replay: the past of every metric against its alarm line, for `thresholds review`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.config.section import Adapt, sigmas
from mlops_cli.judge.adaptive import Group, Promised, series_id
from mlops_cli.judge.decided import Said, names
from mlops_cli.judge.judge import Judged
from mlops_cli.judge.say import SERIES
from mlops_cli.judge.threshold import thresholds
from mlops_cli.result.finding import Level, Rule
from mlops_cli.stats.review import (
    Cost,
    Incident,
    Review,
    first_window,
    most_expected,
    poisson_limits,
    review,
    windows_until,
)
from mlops_cli.stats.scale import back, effect, transform

Floats = NDArray[np.float64]

LEAST = 60  # surprises
TINY = 1e-6  # of the level: a spread below it is no noise
YEAR = 365.25


@dataclass(frozen=True)
class Replayed:
    """One metric: its alarm line and what it would have cost.

    Parameters
    ----------
    group, code : of the metric
    line : the alarm line in force, as it is written
    series, windows : that were replayed
    proposal : keep, loosen, tighten or conflict
    now : what the line costs a year over all of its series
    width : of the line in force; of a fixed or relative one NaN: it asks for evidence, too
    at_promise : width and cost of the adaptive line that keeps the promise
    acked_false, acked_real : incidents that people have spoken of
    first : chance that a lasting change that matters is found in its first window; None: any change matters
    delay : windows until the drift eye finds it, in the median; None: never, or any change matters
    new : the proposed line as it is written; empty: none is proposed

    """

    group: str
    code: str
    line: str
    series: int
    windows: int
    proposal: str
    now: Cost
    at_promise: Cost
    acked_false: int
    acked_real: int
    first: float | None
    delay: float | None
    new: str


def replay(
    groups: Sequence[Group],
    metrics: Mapping[tuple[str, str], Judged],
    acks: Sequence[Said],
    promised: Promised,
    judged: pl.DataFrame,
) -> list[Replayed]:
    """Review every metric that adapts and has windows enough.

    Parameters
    ----------
    groups : what the adaptive lines have seen
    metrics : how each metric is judged
    acks : what people said of incidents
    promised : of the run
    judged : every window with its level and rule

    """
    by_metric: dict[tuple[str, str], list[tuple[Group, int]]] = {}
    for group in groups:
        for s, (name, code) in enumerate(group.keys.select("group", "code").iter_rows()):
            by_metric.setdefault((name, code), []).append((group, s))
    alarms = judged.filter(pl.col("level") >= int(Level.ALARM))
    out = []
    for key, series in sorted(by_metric.items()):
        mine = alarms.filter((pl.col("group") == key[0]) & (pl.col("code") == key[1]))
        one = _metric(key, series, metrics[key], acks, promised, mine)
        if one is not None:
            out.append(one)
    return out


def _metric(
    key: tuple[str, str],
    series: Sequence[tuple[Group, int]],
    how: Judged,
    acks: Sequence[Said],
    promised: Promised,
    alarms: pl.DataFrame,
) -> Replayed | None:
    surprises: list[Floats] = []
    incidents: list[Incident] = []
    widths, shifts, offset = [], [], 0
    starts = np.array(promised.starts)
    for group, s in series:
        u, scale = group.watched.u[s], _scale(group, s)
        if not scale > TINY * (1 + abs(_median(group.watched.normal[s]))):
            continue
        row = group.keys.row(s, named=True)
        named = series_id(row)
        own = alarms.filter(pl.all_horizontal(pl.col(k) == row[k] for k in SERIES))
        spoken = [a for a in acks if names(a.pattern, named)]
        told = np.isin(starts, own["window"].to_numpy()) & ~_inside(starts, spoken)
        known = np.flatnonzero(np.isfinite(u) & ~told)  # alarms that nobody has spoken of are neither
        surprises.append(u[known])
        incidents += _incidents(starts[known], spoken, offset)
        offset += len(known)
        widths.append(_width(group, s, how, scale))
        shifts.append(_effect(group, s, how) / scale)
    pool = np.concatenate(surprises) if surprises else np.zeros(0)
    if len(pool) < LEAST:
        return None
    per_year = YEAR * promised.per_day
    promise = 0.5 * YEAR / promised.per_metric  # the jump eye's half
    adapts = not [t for t in thresholds(how.line, how.direction) if t.level is Level.ALARM]
    width = _median(np.array(widths))
    found = review(pool, incidents, width, per_year, promise, max(round(promised.per_day), 1))
    years = len(pool) / per_year
    false = sum(i.verdict == "false" for i in incidents)
    real = sum(i.verdict == "real" for i in incidents)
    too_many = false > most_expected(2 * promise * years)
    now = found.now if adapts else _counted(alarms, real, years, found.now)
    proposal = _proposal(found, now, too_many=too_many, adapts=adapts)
    shift = _median(np.array(shifts))
    delay = windows_until(promised.how().windows, shift) if shift > 0 else None
    return Replayed(
        *key,
        line=_written(how),
        series=len(surprises),
        windows=len(pool),
        proposal=proposal,
        now=now,
        at_promise=found.at_promise,
        acked_false=false,
        acked_real=real,
        first=first_window(width, shift) if shift > 0 and adapts else None,
        delay=delay if delay is not None and isfinite(delay) else None,
        new=f"{found.at_promise.width:.3g} sigma" if proposal in {"loosen", "tighten"} else "",
    )


def _proposal(found: Review, now: Cost, *, too_many: bool, adapts: bool) -> str:
    """Loosen where people called too many false; tighten where something real was missed."""
    keeps = found.at_promise.found in {None, 1.0} or (found.at_promise.found or 0) >= (now.found or 0)
    if too_many:
        return "loosen" if keeps else "conflict"
    return "tighten" if adapts and found.proposal == "tighten" else "keep"


def _counted(alarms: pl.DataFrame, real: int, years: float, like: Cost) -> Cost:
    """What a fixed or relative line has cost: its incidents that nobody has called real."""
    own = alarms.filter(pl.col("rule").is_in([Rule.FIXED.value, Rule.RELATIVE.value]))
    events = max(incidents_of(own) - real, 0)
    low, high = poisson_limits(events)
    return Cost(float("nan"), events / years, low / years, high / years, like.found)


def incidents_of(alarms: pl.DataFrame) -> int:
    """Runs of alarms, a series at a time: windows side by side are one."""
    count = 0
    for part in alarms.sort("window").partition_by(SERIES):
        gaps = part["window"].diff().drop_nulls()
        step = gaps.min() if len(gaps) else None
        count += 1 + (int((gaps > step).sum()) if step is not None else 0)
    return count


def _inside(starts: NDArray[np.int64], spoken: Sequence[Said]) -> NDArray[np.bool_]:
    out = np.zeros(len(starts), np.bool_)
    for one in spoken:
        out |= (starts >= one.start) & (starts < (one.stop if one.stop is not None else one.start + 1))
    return out


def _incidents(starts: NDArray[np.int64], spoken: Sequence[Said], offset: int) -> list[Incident]:
    """What was said of this series' windows, as positions among the known ones."""
    out = []
    for ack in spoken:
        inside = np.flatnonzero(_inside(starts, [ack]))
        if ack.verdict and len(inside):
            out.append(Incident(offset + int(inside[0]), offset + int(inside[-1]), ack.verdict))
    return out


def _scale(group: Group, s: int) -> float:
    """Standard deviation of a surprise on the additive scale, in the median."""
    seen = group.watched
    y, _ = transform(group.scale.kind, group.values[s], group.rows[s])
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.abs(y - seen.centre[s]) / np.abs(seen.u[s])
    return _median(scale)


def _width(group: Group, s: int, how: Judged, scale: float) -> float:
    """The alarm line in force, in standard deviations of a surprise."""
    alarm = how.line.alarm
    bounds = alarm if isinstance(alarm, tuple) else () if alarm is None else (alarm,)
    given = [w for w in map(sigmas, bounds) if isfinite(w)]
    if given:
        return given[0]
    return _median((group.watched.high[s] - group.watched.centre[s]) / scale)


def _effect(group: Group, s: int, how: Judged) -> float:
    """The smallest change that matters, on the additive scale."""
    scale, level = group.scale, _median(group.watched.normal[s])
    given = how.line.min_effect
    relative, absolute = (0.0, given) if given > 0 else (scale.relative, scale.absolute)
    return float(effect(scale.kind, back(scale.kind, level), relative, absolute))


def _median(values: Floats) -> float:
    """Of the finite ones; NaN where there is none."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")


def _written(how: Judged) -> str:
    alarm = how.line.alarm
    bounds = alarm if isinstance(alarm, tuple) else () if alarm is None else (alarm,)
    said = ["adaptive" if isinstance(b, Adapt) else str(b) for b in bounds]
    return " and ".join(said) or "adaptive"
