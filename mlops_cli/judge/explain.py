"""Explain: one window of one series, with its lines, what they are made of, and what they cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.judge.adaptive import Group, Promised
from mlops_cli.judge.judge import History, Judged, Outcome
from mlops_cli.judge.say import SERIES
from mlops_cli.judge.threshold import thresholds
from mlops_cli.result.finding import Level
from mlops_cli.stats.episode import DRIFT, JUMP, Episode
from mlops_cli.stats.review import false_alarms
from mlops_cli.stats.scale import back, transform
from mlops_cli.stats.season import NAMES, NONE, choose

Floats = NDArray[np.float64]

LEAST = 20  # surprises from which the cost of a width is told
SIGMAS = 3.0
EYES = {JUMP: "jump", DRIFT: "drift"}


@dataclass(frozen=True)
class Bound:
    """A fixed or relative line: its level, its number here, and whether it is broken from below."""

    level: str
    rule: str
    at: float | None
    upward: bool


@dataclass(frozen=True)
class Learnt:
    """The adaptive line of one window; numbers in the metric's unit.

    Parameters
    ----------
    low, high : alarm line
    expected : the forecast, `level` × season × last windows
    level : of the history
    season, recent : what the season and the last windows add to it, in the metric's unit
    pattern : of the season, in words
    windows, left_out : of history, and those of them that were not learnt from
    size : of the surprise, standard deviations
    p, promise : chance of the surprise, and the chance that the promise of one series allows a window
    min_effect : the smallest change that matters, in the metric's unit
    eye : jump, drift or empty: which one has spoken in this window
    three_sigma : false alarms a year that "3 sigma" would cost here; None: too little history
    incident : since, windows and how it ended; None: there is none at this window

    """

    low: float | None
    high: float | None
    expected: float | None
    level: float | None
    season: float | None
    recent: float | None
    pattern: str
    windows: int
    left_out: int
    size: float | None
    p: float | None
    promise: float
    min_effect: float | None
    eye: str
    three_sigma: float | None
    incident: "Spell | None"


@dataclass(frozen=True)
class Spell:
    """An incident: its first window's start (microseconds), windows until the one explained, its end."""

    since: int
    windows: int
    how: str


@dataclass(frozen=True)
class Explained:
    """One window of one series.

    `row` is its measurement as judged (columns of `Outcome.frame`), `bounds` its fixed and relative lines.
    """

    row: Mapping[str, Any]
    bounds: tuple[Bound, ...]
    learnt: Learnt | None


def explain(
    outcome: Outcome,
    history: History,
    metrics: Mapping[tuple[str, str], Judged],
    key: Mapping[str, str],
    window: int | None,
) -> Explained | None:
    """What stands behind the judgement of one window.

    Parameters
    ----------
    outcome, history : of the run
    metrics : how each metric is judged
    key : SERIES → value: which series
    window : start, microseconds; None: the last judged one
    """
    rows = outcome.frame.filter(pl.all_horizontal(pl.col(k) == key[k] for k in SERIES)).sort("window")
    if window is not None:
        rows = rows.filter(pl.col("window") == window)
    if rows.is_empty():
        return None
    row = rows.row(-1, named=True)
    how = metrics[key["group"], key["code"]]
    base = np.array([np.nan if row["reference"] is None else row["reference"]], np.float64)
    bounds = tuple(
        Bound(t.level.word, t.rule.value, _finite(t.at(base)[0]), t.upward)
        for t in thresholds(how.line, how.direction)
    )
    place = _place(history.groups, key)
    learnt = None
    if place is not None and row["window"] in history.promised.starts:
        learnt = _learnt(*place, history.promised.starts.index(row["window"]), history.promised)
    return Explained(row, bounds, learnt)


def _place(found: Sequence[Group], key: Mapping[str, str]) -> tuple[Group, int] | None:
    wanted = tuple(key[k] for k in SERIES)
    for group in found:
        for s, own in enumerate(group.keys.select(SERIES).iter_rows()):
            if own == wanted:
                return group, s
    return None


def _learnt(group: Group, s: int, t: int, promised: Promised) -> Learnt | None:
    seen, kind, how = group.watched, group.scale.kind, promised.how()
    if np.isnan(seen.centre[s, t]):
        return None
    rows = group.rows[s, t] if group.rows[s, t] > 0 else 1e9
    first = max(0, t - how.memory)
    y, _ = transform(kind, group.values[s], group.rows[s])
    past, left_out = _history(group, s, y, first, t)
    level = float(np.nanmedian(past)) if np.isfinite(past).any() else float("nan")

    def shown(value: float) -> float:
        return float(back(kind, value, rows))

    normal, centre = shown(seen.normal[s, t]), shown(seen.centre[s, t])
    calm = seen.u[s, :t][np.isfinite(seen.u[s, :t]) & (seen.status[s, :t] < Level.WARNING)]
    cost = false_alarms(calm, SIGMAS, 365.25 * promised.per_day) if len(calm) >= LEAST else None
    calendar = promised.calendar().part(first, t)
    kind_of = int(choose((past - level)[None], calendar)[0])
    if kind_of == NONE:  # since the last fit the level has moved a little
        level = float(seen.normal[s, t])
    return Learnt(
        low=_finite(shown(seen.low[s, t])),
        high=_finite(shown(seen.high[s, t])),
        expected=_finite(centre),
        level=_finite(shown(level)),
        season=_finite(normal - shown(level)),
        recent=_finite(centre - normal),
        pattern=NAMES[kind_of],
        windows=int(np.isfinite(past).sum()),
        left_out=left_out,
        size=_finite(abs(seen.u[s, t])),
        p=_finite(seen.p[s, t]),
        promise=how.alarm,
        min_effect=_effect(group, s, seen.normal[s, t]),
        eye=EYES.get(int(seen.eye[s, t]), ""),
        three_sigma=cost,
        incident=_spell(seen.episodes[s], t, promised),
    )


def _history(group: Group, s: int, y: Floats, first: int, t: int) -> tuple[Floats, int]:
    """The windows that the line was learnt from, NaN where it was not, and how many of these had a value."""
    odd = np.zeros(len(y), np.bool_)
    for one in group.watched.episodes[s]:
        stop = len(y) if one.end is None or one.shifted is not None else one.end
        odd[one.since : (one.shifted if one.shifted is not None else stop)] = True
    out = np.where(odd, np.nan, y)[first:t]
    return out, int((odd & np.isfinite(y))[first:t].sum())


def _effect(group: Group, s: int, normal: float) -> float | None:
    """The smallest change that matters, in the metric's unit."""
    own, scale = group.how[s], group.scale
    if own.min_effect > 0:
        return own.min_effect
    if scale.relative or scale.absolute:
        return max(scale.relative * abs(float(back(scale.kind, normal))), scale.absolute)
    return own.drift_line or None if scale.distance else None


def _spell(episodes: Sequence[Episode], t: int, promised: Promised) -> Spell | None:
    for one in episodes:
        if one.since <= t and (one.end is None or t <= one.end or one.how == "shifted"):
            return Spell(promised.starts[one.since], t - one.since + 1, one.how)
    return None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
