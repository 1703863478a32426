"""Do the confidences mean what they say? Gaps between confidence and accuracy, and a test of them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.distributions import normal_upper

Floats = NDArray[np.float64]
BINS = 15
SURE = 1e-9  # a confidence of 1 has a variance, too


@dataclass(frozen=True)
class Gaps:
    """Gaps between mean confidence and accuracy over bins, weighted by their items.

    `ece` mean, `mce` largest, `rms` root mean square, `debiased` the same less what chance alone gives.
    `count`, `confidence`, `accuracy`: (bins used,) of each bin, from the least confident up.
    """

    ece: float
    mce: float
    rms: float
    debiased: float
    count: Floats
    confidence: Floats
    accuracy: Floats


def gaps(confidence: ArrayLike, right: ArrayLike, *, equal_mass: bool, bins: int = BINS) -> Gaps:
    """Expected calibration error and its kin.

    Parameters
    ----------
    confidence : (n,) in [0, 1]
    right : (n,) 1 where the model was right
    equal_mass : bins of the same number of items, ties in the order given; else bins of the same width
    bins : how many

    References
    ----------
    Kumar, Liang, Ma (2019), Advances in Neural Information Processing Systems 32 (debiased).

    """
    values, good = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    n = len(values)
    if not n:
        return Gaps(*(math.nan,) * 4, *(np.empty(0),) * 3)
    if equal_mass:
        rank = np.empty(n, np.int64)
        rank[np.argsort(values, kind="stable")] = np.arange(n)
        place = rank * bins // n
    else:
        place = np.clip(np.ceil(values * bins).astype(np.int64) - 1, 0, bins - 1)
    count, sums, hits = (_summed(place, w, bins) for w in (np.ones(n), values, good))
    used = count > 0
    count, mean, rate = count[used], sums[used] / count[used], hits[used] / count[used]
    gap, weight = mean - rate, count / n
    chance = np.where(count > 1, rate * (1 - rate) / np.maximum(count - 1, 1), 0.0)
    return Gaps(
        float((weight * np.abs(gap)).sum()),
        float(np.abs(gap).max()),
        math.sqrt(float((weight * gap**2).sum())),
        math.sqrt(max(0.0, float((weight * (gap**2 - chance)).sum()))),
        count,
        mean,
        rate,
    )


def _summed(place: NDArray[np.int64], weight: Floats, bins: int) -> Floats:
    return np.asarray(np.bincount(place, weight, bins), np.float64)


def spiegelhalter(confidence: ArrayLike, right: ArrayLike) -> tuple[float, float]:
    """Z and two-sided p-value of the hypothesis that each confidence is the chance of being right.

    (0, 1) without items, or where every confidence is one half.

    References
    ----------
    Spiegelhalter (1986), Statistics in Medicine 5.

    """
    p, y = np.clip(np.asarray(confidence, np.float64), SURE, 1 - SURE), np.asarray(right, np.float64)
    variance = float(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    if variance == 0:
        return 0.0, 1.0
    z = float(((y - p) * (1 - 2 * p)).sum()) / math.sqrt(variance)
    return z, float(2 * normal_upper(abs(z)))


def brier(confidence: ArrayLike, right: ArrayLike) -> float:
    """Mean squared gap between confidence and being right; NaN without items."""
    p, y = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    return float(((p - y) ** 2).mean()) if len(p) else math.nan
