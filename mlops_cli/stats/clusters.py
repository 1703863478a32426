"""Means whose values come in clusters: several people on one item, many items of one person."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.distributions import student
from mlops_cli.stats.proportion import Interval

Floats = NDArray[np.float64]
DRAWS, SEED = 2000, 20260131  # of the bootstrap over people


@dataclass(frozen=True)
class Clustered:
    """A mean with its robust standard error and interval.

    `design_effect` is the robust variance over the naive one; `naive` the standard error that ignores the
    clusters; `degrees` those of t (the fewest clusters less one).
    """

    value: float
    se: float
    naive: float
    interval: Interval
    design_effect: float
    degrees: int


def clustered(x: ArrayLike, *clusters: ArrayLike, level: float = 0.95) -> Clustered:
    """Mean of x with errors that may hang together within one or two clusterings.

    Parameters
    ----------
    x : (n,) values, n >= 1
    clusters : one or two (n,) codes from 0
    level : of the t interval; its degrees are the fewest clusters less one

    Returns
    -------
    Clustered
        For two clusterings V = V1 + V2 - V12; the larger of V1 and V2 where that is smaller. An infinite
        interval where a clustering has one cluster only.

    References
    ----------
    Cameron, Gelbach, Miller (2011), Journal of Business & Economic Statistics 29.

    Examples
    --------
    >>> round(clustered([1.0, 1, 0, 0], [0, 0, 1, 1]).se, 4)
    0.5

    """
    values = np.asarray(x, np.float64)
    n = len(values)
    value = float(values.mean())
    residual = values - value
    naive = float((residual**2).sum()) / (n * max(n - 1, 1))
    codes = [np.asarray(c, np.int64) for c in clusters]
    variances, counts = [], []
    for code in codes:
        one, groups = _between(residual, code)
        variances.append(one)
        counts.append(groups)
    variance = variances[0] if variances else naive
    if len(codes) == 2:
        crossed = codes[0] * (int(codes[1].max()) + 1) + codes[1]
        together = _between(residual, np.unique(crossed, return_inverse=True)[1])[0]
        variance = max(sum(variances) - together, *variances)
    fewest = min(counts, default=n)
    se = math.sqrt(variance)
    half = math.inf if fewest < 2 else student(level, fewest - 1) * se
    effect = variance / naive if naive else 1.0
    return Clustered(value, se, math.sqrt(naive), Interval(value - half, value + half), effect, fewest - 1)


def _between(residual: Floats, cluster: NDArray[np.int64]) -> tuple[float, int]:
    """Variance of the mean by the sums of the clusters, and how many there are."""
    groups = len(np.unique(cluster))
    sums = np.bincount(cluster, residual)
    return float((sums**2).sum()) / len(residual) ** 2 * groups / max(groups - 1, 1), groups


def ratio_of_times(
    logs: ArrayLike, second: ArrayLike, person: ArrayLike, level: float = 0.95
) -> tuple[float, Interval]:
    """Ratio of geometric means of two groups, with a bootstrap over people.

    Parameters
    ----------
    logs : (n,) logarithms of the times
    second : (n,) True: of the second group, which the ratio is of
    person : (n,) codes from 0; all of a person's times are drawn together
    level : of the interval of percentiles; from 2000 draws with a fixed seed

    Returns
    -------
    ratio, interval : the interval is NaN with fewer than two people

    """
    values, later = np.asarray(logs, np.float64), np.asarray(second, np.bool_)
    code = np.unique(np.asarray(person, np.int64), return_inverse=True)[1]
    people = int(code.max()) + 1
    sums = [
        np.bincount(code, w * part, people)
        for part in (later, ~later)
        for w in (values, np.ones(len(values)))
    ]
    ratio = math.exp(sums[0].sum() / sums[1].sum() - sums[2].sum() / sums[3].sum())
    if people < 2:
        return ratio, Interval(math.nan, math.nan)
    random = np.random.default_rng(SEED)
    draws = np.empty(DRAWS)
    for i in range(DRAWS):
        drawn = np.bincount(random.integers(0, people, people), minlength=people)
        a, b, c, d = (float(drawn @ s) for s in sums)
        draws[i] = a / b - c / d if b and d else math.nan
    low, high = np.exp(np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2]))
    return ratio, Interval(float(low), float(high))
