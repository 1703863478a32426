"""How a distribution or a metric moves over its windows: ramps, pulses, seasons, or not at all."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.templates import Floats, Ints, Shapes, shapes, shuffles
from mlops_cli.stats.wandering import chance

JS = 1 / np.sqrt(2 * np.log(2))  # a Hellinger step in units of the Jensen-Shannon distance, root of bits
ENOUGH = 10  # shuffles as good as the data: p cannot be small any more
GROUPS = 20
BRIEF = 2  # windows of a pulse that no shuffle can confirm
WANDERS = "its windows resemble their neighbours: it has changed, or it wanders and comes back"


@dataclass(frozen=True)
class Rules:
    """What counts as a change.

    Parameters
    ----------
    warn : size at which one would warn, JS distance (or the metric's unit)
    fast_weeks : a ramp that gets there sooner is fast
    alpha : chance of calling noise a change, a field
    fooled : the same for noise that remembers, by its worst memory
    shuffles : of the windows
    least_windows : fewer are unknown
    least_size : a smaller change of a distribution is none

    """

    warn: float = 0.10
    fast_weeks: float = 8.0
    alpha: float = 0.01
    fooled: float = 0.02
    shuffles: int = 499
    least_windows: int = 8
    least_size: float = 0.02


DEFAULT = Rules()


class Scale(NamedTuple):
    """Of the windows: unit of a step, variance in each direction by their samples alone, windows a week."""

    unit: float
    sampling: float
    per_week: float
    counted: bool


@dataclass(frozen=True)
class Pace:
    """How something moves.

    Parameters
    ----------
    kind : unknown, still, recurring, shock, small jump, passing shock, fast or slow
    windows : how many there were
    p : chance of as good a shape among shuffled windows, or of as clear a one among windows that wander
    size : of the change, JS distance or the metric's unit
    start, width : windows
    weeks_to_warn : until the warning line at this pace; None where it jumps
    smallest : a drift below this size would not have been seen
    memory : correlation of one window with the next, after the shape
    season : `share` of the variance, `size`, `p`, `period`; empty without one
    why : where it is unknown
    direction : of a metric: +1 rises, -1 falls

    """

    kind: str
    windows: int
    p: float | None = None
    size: float | None = None
    start: int | None = None
    width: int | None = None
    weeks_to_warn: float | None = None
    smallest: float | None = None
    memory: float | None = None
    season: dict[str, float] = field(default_factory=dict)
    why: str = ""
    direction: float | None = None


def grouped(counts: ArrayLike, most: int = GROUPS, *, ordered: bool = True) -> Floats:
    """Buckets merged to at most so many, of about the same mass, or the largest ones and the rest.

    Parameters
    ----------
    counts : (T, B) windows × buckets
    ordered : the buckets lie on a line; else they are categories

    """
    table = np.asarray(counts, np.float64)
    mass = table.sum(axis=0)
    if ordered:
        middle = (np.cumsum(mass) - mass / 2) / max(mass.sum(), 1.0)
        label = np.minimum((middle * most).astype(np.int64), most - 1)
    else:
        label = np.full(len(mass), most - 1)
        first = np.argsort(-mass, kind="stable")[: most - 1]
        label[first] = np.arange(len(first))
    _, place = np.unique(label, return_inverse=True)
    out = np.zeros((len(table), int(place.max(initial=-1)) + 1))
    np.add.at(out.T, place, table.T)
    return out[:, out.sum(axis=0) > 0]


def rooted(counts: Floats) -> Floats:
    """Root of the shares: each direction has the same variance, a quarter of 1 / rows."""
    n, size = counts.sum(axis=1, keepdims=True), counts.shape[1]
    return np.asarray(np.sqrt((counts + 0.25) / (n + 0.25 * size)), np.float64)


def by_lag(counts: ArrayLike) -> dict[int, float]:
    """Mean divergence (bits) of windows so far apart, less what sampling alone gives; may be negative."""
    table = np.asarray(counts, np.float64)
    n = table.sum(axis=1)
    share = table / np.maximum(n, 1.0)[:, None]
    own = _entropy(share)
    size = (table > 0).sum(axis=1)
    distance = np.zeros((len(table), len(table)))
    for i in range(len(table)):
        bias = (np.maximum(size[i], size) - 1) / (8 * np.log(2)) * (1 / n[i] + 1 / n)
        distance[i] = _entropy((share[i] + share) / 2) - (own[i] + own) / 2 - bias
    return {k: float(np.diagonal(distance, k).mean()) for k in range(1, len(table))}


def pace(
    counts: ArrayLike | None = None,
    series: ArrayLike | None = None,
    *,
    se: ArrayLike | None = None,
    per_week: float = 1.0,
    period: int = 0,
    ordered: bool = True,
    rules: Rules = DEFAULT,
) -> Pace:
    """How fast the windows change.

    Parameters
    ----------
    counts : (T, B) windows × buckets of a field; or
    series : (T,) values of a metric
    se : (T,) of a metric: what its samples alone give; None: not known
    per_week : windows a week
    period : windows of a season, 0: none is looked for
    ordered : the buckets lie on a line

    References
    ----------
    Scheffé-type search over shapes with a permutation test; Phipson, Smyth (2010) for its p-value.

    """
    windows = len(np.asarray(counts if counts is not None else series))
    if windows < rules.least_windows:
        return Pace("unknown", windows, why=f"{windows} windows, {rules.least_windows} needed")
    if counts is not None:
        table = grouped(counts, ordered=ordered)
        move, unit = rooted(table), float(JS)
        own = float(np.mean(1 / (4 * table.sum(axis=1))))  # in each direction
        floor = (table.shape[1] - 1) * own
    else:
        move, unit, floor = np.asarray(series, np.float64)[:, None], 1.0, 0.0
        own = 0.0 if se is None else float(np.mean(np.asarray(se, np.float64) ** 2))
    move = move - move.mean(axis=0)
    if not (move**2).sum() > 0:
        return Pace("still", windows, p=1.0, size=0.0, smallest=0.0)
    season: dict[str, float] = {}
    if period and windows >= 3 * period:
        move, season = _unseasoned(move, period, floor, unit, rules)
    scale = Scale(unit, own, per_week, counted=counts is not None)
    return _classed(move, season, period if season else 0, scale, rules)


def _unseasoned(
    move: Floats, period: int, floor: float, unit: float, rules: Rules
) -> tuple[Floats, dict[str, float]]:
    """The windows less the means of their phases, where those differ by more than chance."""
    phase, total = np.arange(len(move)) % period, float((move**2).sum())

    many = np.bincount(phase)
    member = (phase == np.arange(period)[:, None]) / many[:, None]
    # The means of all phases, from the inner products of the windows alone.
    product, weighed = move @ move.T, np.sqrt(many)[:, None] * member

    def share(order: Ints) -> float:
        return float(((weighed @ product[np.ix_(order, order)]) * weighed).sum()) / total

    seen = share(np.arange(len(move)))
    more = done = 0
    for order in shuffles(len(move), rules.shuffles):
        more += int(share(order) >= seen * (1 - 1e-12))
        done += 1
        if more >= ENOUGH:
            break
    p = (1 + more) / (done + 1)
    if p > rules.alpha:
        return move, {}
    usual = member @ move
    swing = float((usual**2).sum(axis=1).mean()) - floor * period / len(move)
    size = 2 * unit * float(np.sqrt(max(0.0, swing)))
    return move - usual[phase], {"period": float(period), "share": seen, "size": size, "p": p}


def _classed(move: Floats, season: dict[str, float], period: int, scale: Scale, rules: Rules) -> Pace:
    windows, total = len(move), float((move**2).sum())
    all_shapes, product = shapes(windows), move @ move.T
    fit = _fits(all_shapes.unit, product) / total
    p = _shuffled(all_shapes.unit, product, float(fit.max()) * total, period, rules)
    across = max(move.shape[1] - 2, 0) * scale.sampling * (windows - 1) / total
    i = _chosen(fit, all_shapes.pulse, across)
    # Two odd windows stay neighbours in many a shuffle: they are set against noise alone.
    brief = p > rules.alpha and all_shapes.width[i] == BRIEF and _apart(move, all_shapes, i)
    if p > rules.alpha and not brief:
        i = _chosen(fit, all_shapes.pulse)
    width, passes = int(all_shapes.width[i]), bool(all_shapes.pulse[i])
    shape = all_shapes.plain[i] - all_shapes.plain[i].mean()
    power = float(shape @ shape)
    slope = shape @ move / power
    left = move - np.outer(shape, slope)
    noise = float((left**2).sum()) / max(windows - 2, 1)
    size = scale.unit * float(np.sqrt(max(0.0, float(slope @ slope) - noise / power)))
    memory, wanders = None, False
    if p <= rules.alpha or brief:
        along = _along(move, all_shapes.unit[fit.argmax()])
        worst = chance(along, scale.sampling, max(move.shape[1] - 1, 1), period)
        memory = _memory(_along(left, shape, move))
        wanders = worst > rules.fooled and not brief
        p = max(0.0 if brief else p, worst * rules.alpha / rules.fooled)
    smallest = 3 * scale.unit * float(np.sqrt(noise * 12 / windows))
    found = {"windows": windows, "p": p, "size": size, "smallest": smallest, "memory": memory}
    start = int(all_shapes.start[i])
    small = scale.counted and size < rules.least_size
    if wanders and not small:
        return Pace("unknown", season=season, start=start, width=width, why=WANDERS, **found)  # type: ignore[arg-type]
    if p > rules.alpha or small:
        # A season as small as a change that is none is none: one field in a hundred seems to have it.
        recurs = bool(season) and (not scale.counted or season["size"] >= rules.least_size)
        return Pace("recurring" if recurs else "still", season=season, **found)  # type: ignore[arg-type]
    narrow = width <= max(1, min(2, windows // 8))
    weeks = None if narrow else rules.warn / max(size / (width / scale.per_week), 1e-12)
    if passes:
        kind, weeks = "passing shock", None
    elif narrow:
        kind = "shock" if not scale.counted or size >= rules.warn / 2 else "small jump"
    else:
        kind = "fast" if scale.counted and weeks is not None and weeks < rules.fast_weeks else "slow"
    direction = None if scale.counted else float(np.sign(slope[0]))
    place = {"start": start, "width": width, "weeks_to_warn": weeks}
    return Pace(kind, season=season, direction=direction, **found, **place)  # type: ignore[arg-type]


def _fits(unit: Floats, product: Floats) -> Floats:
    """Sum of squares that each shape explains; all it takes are the inner products of the windows."""
    return np.asarray(np.sum((unit @ product) * unit, axis=1), np.float64)


def _shuffled(unit: Floats, product: Floats, best: float, period: int, rules: Rules) -> float:
    more = done = 0
    for q in shuffles(len(product), rules.shuffles, period):
        more += int(_fits(unit, product[np.ix_(q, q)]).max() >= best * (1 - 1e-12))
        done += 1
        if more >= ENOUGH:
            break
    return (1 + more) / (done + 1)


def _chosen(fit: Floats, pulse: NDArray[np.bool_], blind: float = 0.0) -> int:
    """The best ramp; a pulse only where it leaves at most three quarters of what the ramp leaves.

    `blind` is the share of all movement that is the noise of the samples across the direction of a change:
    no shape can explain it, so it does not count as left.
    """
    ramp = int(np.flatnonzero(~pulse)[fit[~pulse].argmax()])
    if not pulse.any():
        return ramp
    other = int(np.flatnonzero(pulse)[fit[pulse].argmax()])
    rest = max(1 - fit[ramp] - min(blind, 0.9 * (1 - fit[other])), 0.0)
    return other if 1 - fit[other] - min(blind, 0.9 * (1 - fit[other])) <= 0.75 * rest else ramp


def _memory(left: Floats) -> float:
    """Correlation of a window with the next, with what the fitted shape has eaten of it given back."""
    windows = len(left)
    seen = float(left[1:] @ left[:-1]) / max(float(left @ left), 1e-30)
    # Fitted to simulations of 12, 26 and 52 windows.
    return float(np.clip((seen + 4 / (windows + 7)) / max(0.3, 1 - 12 / (windows + 2)), 0.0, 0.95))


def _apart(move: Floats, all_shapes: Shapes, i: int) -> bool:
    """Whether a shape is a pulse each window of which lies far beyond every other one."""
    if not all_shapes.pulse[i]:
        return False
    along, inside = _along(move, all_shapes.unit[i]), all_shapes.plain[i] > 0
    away = along - float(np.median(along[~inside]))
    return bool(away[inside].min() > 2 * np.abs(away[~inside]).max())


def _along(what: Floats, shape: Floats, move: Floats | None = None) -> Floats:
    """Windows in the direction in which they, or others that are given, move by a shape."""
    towards = shape @ (what if move is None else move)
    return np.asarray(what @ towards / np.sqrt(max(float(towards @ towards), 1e-30)), np.float64)


def _entropy(share: Floats) -> Floats:
    safe = np.where(share > 0, share, 1.0)
    return np.asarray(-(share * np.log2(safe)).sum(axis=-1), np.float64)
