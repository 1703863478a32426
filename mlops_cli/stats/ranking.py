"""How well scores rank: ROC and PR AUC from counts by score bucket, and F1 from a square of four."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtri

from mlops_cli.stats.proportion import wilson

Floats = NDArray[np.float64]
LEVEL = 0.95


class Ranked(NamedTuple):
    """A value in [0, 1], its interval, and its values under the worst and best order inside the buckets."""

    value: float
    low: float
    high: float
    worst: float
    best: float


class Estimate(NamedTuple):
    """A value and its interval; NaN where it is not known."""

    value: float
    low: float
    high: float


NOTHING = Ranked(*(float("nan"),) * 5)


def auc(positives: ArrayLike, negatives: ArrayLike, level: float = LEVEL) -> Ranked:
    """Area under the ROC curve with its interval on the logit scale.

    Parameters
    ----------
    positives, negatives : (B,) counts by bucket of rising score; within a bucket the order is unknown
    level : coverage of the interval

    Returns
    -------
    Ranked
        NaN where one class is absent. `best - value` is the most that the buckets can hide.

    References
    ----------
    DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44, its variance taken from counts.

    Examples
    --------
    >>> round(auc([0, 2, 5, 9, 14], [30, 22, 10, 4, 1]).value, 4)
    0.9323

    """
    yes, no = np.asarray(positives, np.float64), np.asarray(negatives, np.float64)
    ones, zeros = float(yes.sum()), float(no.sum())
    if ones <= 0 or zeros <= 0:
        return NOTHING
    below = (np.cumsum(no) - no / 2) / zeros  # negatives that a positive of this bucket beats
    above = (ones - np.cumsum(yes) + yes / 2) / ones  # positives that beat a negative of it
    value = float(yes @ below) / ones
    hidden = float(yes @ no) / (2 * ones * zeros)
    if not 0 < value < 1:
        fewer = min(ones, zeros)
        low, high = wilson(round(value * fewer), fewer, level)
        return Ranked(value, float(low), float(high), value - hidden, value + hidden)
    spread = float(yes @ (below - value) ** 2) / max(ones - 1, 1) / ones
    spread += float(no @ (above - value) ** 2) / max(zeros - 1, 1) / zeros
    low, high = _on_logit(value, np.sqrt(spread), level)
    return Ranked(value, low, high, value - hidden, value + hidden)


def pr_auc(positives: ArrayLike, negatives: ArrayLike, level: float = LEVEL) -> Ranked:
    """Average precision, expected over the orders inside the buckets.

    Before the k-th of a bucket's positives lie, on average, k / (positives + 1) of its negatives. Arguments
    as in `auc`; the interval is binomial in the positives, on the logit scale. NaN without a positive.

    References
    ----------
    Boyd, Eng, Page (2013), ECML PKDD, for the interval.

    """
    yes, no = np.asarray(positives, np.float64)[::-1], np.asarray(negatives, np.float64)[::-1]
    ones = float(yes.sum())
    if ones <= 0:
        return NOTHING
    before, wrong = np.cumsum(yes) - yes, np.cumsum(no) - no

    def mean(share: float | None) -> float:
        total = 0.0
        for m, q, hits, misses in zip(yes, no, before, wrong, strict=True):
            k = np.arange(1, round(m) + 1)
            inside = q * k / (m + 1) if share is None else q * share
            total += float(np.sum((hits + k) / (hits + k + misses + inside)))
        return total / ones

    value, worst, best = mean(None), mean(1.0), mean(0.0)
    if not 0 < value < 1:
        return Ranked(value, float("nan"), float("nan"), worst, best)
    low, high = _on_logit(value, np.sqrt(value * (1 - value) / ones), level)
    return Ranked(value, low, high, worst, best)


def f1(tp: float, fp: float, fn: float, level: float = LEVEL) -> Estimate:
    """F1 by the score interval of tp / (tp + fp + fn), which it rises with; NaN where all three are 0."""
    union = tp + fp + fn
    if union <= 0:
        return Estimate(float("nan"), 0.0, 1.0)
    low, high = wilson(tp, union, level)
    share = (tp / union, float(low), float(high))
    return Estimate(*(2 * j / (1 + j) for j in share))


def _on_logit(value: float, se: float, level: float) -> tuple[float, float]:
    half = float(ndtri(0.5 + level / 2)) * se / (value * (1 - value))
    return float(expit(logit(value) - half)), float(expit(logit(value) + half))
