"""Which component is the first at fault: what its metrics do beyond what came from upstream."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
LAGS = 2
RIDGE = 1.0
HUBER = 2.0  # deviations from which a window of the baseline counts less
LEAST_SCALE = 0.05  # of the residual, in the metric's own scale
BASELINE = 72  # windows without which nothing is said of a cause


class Column(NamedTuple):
    """One metric of one component; `kind` is input, output or software."""

    component: str
    kind: str
    name: str


@dataclass(frozen=True)
class Accused:
    """A component whose own metric broke: how far, from which window after the baseline, and which."""

    component: str
    score: float
    onset: int
    metric: str
    kind: str


@dataclass(frozen=True)
class Rules:
    """When a metric accuses.

    Parameters
    ----------
    limit : residual, in its own deviations
    run : windows in a row
    horizon : windows from the onset that the score is the median of
    plain : deviation before anything is explained, in windows in a row as many
    lags : windows that upstream may be ahead

    """

    limit: float = 6.0
    run: int = 2
    horizon: int = 12
    plain: float = 3.0
    lags: int = LAGS


DEFAULT = Rules()


def spread(x: Floats) -> tuple[Floats, Floats]:
    """Median and robust deviation of each column: the larger of the MAD's and the 5 to 95 % range's."""
    middle = np.median(x, axis=0)
    mad = 1.4826 * np.median(np.abs(x - middle), axis=0)
    low, high = np.quantile(x, [0.05, 0.95], axis=0)
    return middle, np.maximum(np.maximum(mad, (high - low) / 3.29), 1e-3 * np.abs(middle) + 1e-9)


def level_off(x: ArrayLike, baseline: int, period: int = 0) -> Floats:
    """Windows × metrics less the medians of the baseline, by phase where it holds three whole periods."""
    data = np.asarray(x, np.float64)
    if period < 2 or baseline < 3 * period:
        return data - np.median(data[:baseline], axis=0)
    phase = np.arange(len(data)) % period
    known = data[:baseline]
    usual = np.stack([np.median(known[phase[:baseline] == k], axis=0) for k in range(period)])
    return np.asarray(data - usual[phase], np.float64)


def residual(
    y: ArrayLike, parents: ArrayLike | None, baseline: int, lags: int = LAGS, noise: float = 0.0
) -> Floats:
    """What a metric does beyond its parents, in deviations of the baseline.

    Where the parents lie far outside the baseline the prediction is unsure, and the residual is divided by
    that too: they then explain much and accuse little.

    Parameters
    ----------
    y : (T,)
    parents : (T, P), or None
    baseline : windows at the beginning that are taken as good
    lags : the parents of so many windows before count, too
    noise : deviation that sampling alone gives; the scale is never below it

    References
    ----------
    Huber (1964), Annals of Mathematical Statistics 35 (weights); Cook, Weisberg (1982) for the leverage.

    """
    values = np.asarray(y, np.float64)
    if parents is None or np.asarray(parents).shape[1] == 0:
        middle, scale = spread(values[:baseline])
        return np.asarray((values - middle) / np.maximum(scale, noise), np.float64)
    x = np.asarray(parents, np.float64)
    late = [np.concatenate([np.repeat(x[:1], k, axis=0), x[: len(x) - k]]) for k in range(lags + 1)]
    table = np.concatenate(late, axis=1)
    middle, scale = spread(table[:baseline])
    design = np.column_stack([np.ones(len(x)), np.clip((table - middle) / scale, -1e6, 1e6)])
    own, unit = spread(values[:baseline])
    unit = np.maximum(unit, noise)
    target = (values - own) / unit
    known, goal = design[:baseline], target[:baseline]
    penalty = RIDGE * np.diag(np.r_[0.0, np.ones(table.shape[1])])
    weight, width = np.ones(baseline), LEAST_SCALE
    for _ in range(3):
        inverse = np.linalg.inv((known * weight[:, None]).T @ known + penalty)
        slope = inverse @ ((known * weight[:, None]).T @ goal)
        left = goal - known @ slope
        width = max(float(spread(left)[1]), LEAST_SCALE, float(noise / unit))
        weight = np.minimum(1.0, HUBER * width / np.maximum(np.abs(left), 1e-12))
    leverage = np.sum((design @ inverse) * design, axis=1)
    return np.asarray((target - design @ slope) / (width * np.sqrt(1 + leverage)), np.float64)


def onset(z: Floats, baseline: int, limit: float, run: int) -> int | None:
    """First window after the baseline from which `run` in a row are beyond the limit."""
    held = 0
    for i, hit in enumerate(np.abs(z[baseline:]) > limit):
        held = held + 1 if hit else 0
        if held == run:
            return i - run + 1
    return None


def wildest(z: Floats, baseline: int, run: int) -> float:
    """The largest value that `run` windows in a row of the baseline all reach."""
    size = np.abs(z[:baseline])
    if len(size) < run:
        return 0.0
    return float(np.lib.stride_tricks.sliding_window_view(size, run).min(axis=1).max())


@dataclass(frozen=True)
class Run:
    """Windows in a row, [start, end) after the baseline, in which a metric accuses its component.

    `score` is the median deviation over the run.
    """

    component: str
    kind: str
    metric: str
    start: int
    end: int
    score: float


def accusations(
    x: ArrayLike,
    columns: Sequence[Column],
    parents: Mapping[str, Sequence[str]],
    baseline: int,
    period: int = 0,
    rules: Rules = DEFAULT,
    noise: Sequence[float] = (),
    givers: Mapping[str, Sequence[str]] | None = None,
) -> tuple[list[Run], list[Run]]:
    """Every run of windows in which a metric accuses, and every run in which it only inherits.

    Parameters
    ----------
    x, columns, parents, baseline, period, rules : as in `blame`
    noise : of each metric, the deviation that sampling alone gives
    givers : component → those that its inputs come from, where they are not its parents (a caller gives its
        callee the work, but waits for the callee's answer)

    Returns
    -------
    accusing, inheriting
        A run of the second list deviates, but upstream explains it.

    """
    flat = level_off(x, baseline, period)
    floors = list(noise) or [0.0] * len(columns)
    of = _places(columns)
    accusing: list[Run] = []
    inheriting: list[Run] = []
    for j, column in enumerate(columns):
        plain = residual(flat[:, j], None, baseline, rules.lags, floors[j])
        if onset(plain, baseline, rules.plain, rules.run) is None:
            continue
        after = parents if givers is None or column.kind != "input" else givers
        explain = _explaining(column, after, of)
        z = residual(flat[:, j], flat[:, explain] if explain else None, baseline, rules.lags, floors[j])
        limit = max(rules.limit, 1.25 * wildest(z, baseline, rules.run))
        usual = max(rules.limit, 1.25 * wildest(plain, baseline, rules.run))
        mine = _runs((np.abs(z) > limit) & (np.abs(plain) > rules.plain), baseline, rules.run)
        accusing += [Run(*column, a, b, _score(z, baseline + a, baseline + b)) for a, b in mine]
        rest = [r for r in _runs(np.abs(plain) > usual, baseline, rules.run) if not _touches(r, mine)]
        inheriting += [Run(*column, a, b, _score(plain, baseline + a, baseline + b)) for a, b in rest]
    return accusing, inheriting


def _score(z: Floats, start: int, end: int) -> float:
    return float(np.median(np.abs(z[start:end])))


def _runs(hit: NDArray[np.bool_], baseline: int, least: int) -> list[tuple[int, int]]:
    """Stretches of at least so many windows; one quiet window does not end one."""
    at = np.flatnonzero(hit[baseline:])
    out: list[list[int]] = []
    for i in at.tolist():
        if out and i - out[-1][1] <= 1:
            out[-1][1] = i + 1
        else:
            out.append([i, i + 1])
    return [(a, b) for a, b in out if b - a >= least]


def _touches(run: tuple[int, int], others: Sequence[tuple[int, int]]) -> bool:
    return any(run[0] < b and a < run[1] for a, b in others)


def _places(columns: Sequence[Column]) -> dict[tuple[str, str], list[int]]:
    of: dict[tuple[str, str], list[int]] = {}
    for j, column in enumerate(columns):
        of.setdefault((column.component, column.kind), []).append(j)
    return of


def _explaining(
    column: Column, parents: Mapping[str, Sequence[str]], of: Mapping[tuple[str, str], list[int]]
) -> list[int]:
    """Columns that may explain one: the upstream outputs; but for an input its own inputs, too."""
    up = [k for p in parents.get(column.component, ()) for k in of.get((p, "output"), ())]
    return up if column.kind == "input" else [*of.get((column.component, "input"), ()), *up]


def blame(
    x: ArrayLike,
    columns: Sequence[Column],
    parents: Mapping[str, Sequence[str]],
    baseline: int,
    period: int = 0,
    rules: Rules = DEFAULT,
) -> list[Accused]:
    """Components at fault, the likeliest first; none where nothing is wrong.

    A metric accuses its component where its residual after the upstream outputs and its plain deviation are
    both real. Inputs are explained by upstream outputs; outputs and software by the component's own inputs,
    too.

    Parameters
    ----------
    x : (T, M) windows × metrics, the baseline first
    columns : what each metric is
    parents : component → components whose outputs it gets (callers: their callees)
    baseline : windows at the beginning that are taken as good
    period : windows of a season, 0: none

    """
    flat = level_off(x, baseline, period)
    of = _places(columns)
    found: dict[str, list[Accused]] = {}
    for j, column in enumerate(columns):
        component, kind, name = column
        plain = residual(flat[:, j], None, baseline)
        if onset(plain, baseline, rules.plain, rules.run) is None:
            continue
        explain = _explaining(column, parents, of)
        z = residual(flat[:, j], flat[:, explain] if explain else None, baseline, rules.lags)
        limit = max(rules.limit, 1.25 * wildest(z, baseline, rules.run))
        start = onset(z, baseline, limit, rules.run)
        if start is None:
            continue
        first = baseline + start
        score = float(np.median(np.abs(z[first : first + rules.horizon])))
        found.setdefault(component, []).append(Accused(component, score, start, name, kind))
    worst = []
    for component, hits in found.items():
        top = max(hits, key=lambda h: h.score)
        worst.append(Accused(component, top.score, min(h.onset for h in hits), top.metric, top.kind))
    return sorted(worst, key=lambda a: -a.score)
