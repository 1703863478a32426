"""Two numeric deciders of the same items: bias, limits of agreement, concordance."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.agreement import NOTHING
from mlops_cli.stats.distributions import deviate, student, student_upper
from mlops_cli.stats.proportion import Interval

Floats = NDArray[np.float64]
LIMIT = deviate(0.95)  # of agreement: 19 of 20 differences lie within


@dataclass(frozen=True)
class BlandAltman:
    """Differences second - first: their mean (bias), spread, and the limits that hold 95 % of them.

    `slope` of the difference on the pair's mean (0: the bias is the same for small and large values) and
    its two-sided p-value; NaN where fewer than 3 pairs or no spread.
    """

    n: int
    bias: float
    bias_interval: Interval
    sd: float
    low: float
    low_interval: Interval
    high: float
    high_interval: Interval
    slope: float
    slope_p: float


@dataclass(frozen=True)
class Concordance:
    """Lin's coefficient = precision (Pearson's r) times accuracy (nearness to the identity).

    NaN with `reason` where one of the columns is constant.
    """

    value: float
    interval: Interval
    precision: float
    accuracy: float
    reason: str = ""


def bland_altman(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> BlandAltman:
    """Limits of agreement of `second` with `first`.

    Parameters
    ----------
    first, second : (n,) finite numbers of the same unit

    References
    ----------
    Bland, Altman (1999), Statistical Methods in Medical Research 8.

    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    apart, n = b - a, len(a)
    if n < 2:
        bias = float(apart.mean()) if n else math.nan
        return BlandAltman(
            n, bias, NOTHING, math.nan, math.nan, NOTHING, math.nan, NOTHING, math.nan, math.nan
        )
    bias, sd, t = float(apart.mean()), float(apart.std(ddof=1)), student(level, n - 1)
    half = t * sd / math.sqrt(n)
    wide = t * sd * math.sqrt(1 / n + LIMIT**2 / (2 * (n - 1)))
    low, high = bias - LIMIT * sd, bias + LIMIT * sd
    slope, p = _slope((a + b) / 2, apart)
    return BlandAltman(
        n,
        bias,
        Interval(bias - half, bias + half),
        sd,
        low,
        Interval(low - wide, low + wide),
        high,
        Interval(high - wide, high + wide),
        slope,
        p,
    )


def _slope(x: Floats, y: Floats) -> tuple[float, float]:
    n, centred = len(x), x - x.mean()
    spread = float((centred**2).sum())
    if n < 3 or spread == 0:
        return math.nan, math.nan
    slope = float((centred * (y - y.mean())).sum()) / spread
    residual = float(((y - y.mean() - slope * centred) ** 2).sum())
    if residual == 0:
        return slope, 0.0 if slope else 1.0
    t = slope / math.sqrt(residual / (n - 2) / spread)
    return slope, float(2 * student_upper(abs(t), n - 2))


def concordance(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> Concordance:
    """Lin's concordance correlation coefficient.

    Parameters
    ----------
    first, second : (n,) finite numbers of the same unit

    References
    ----------
    Lin (1989), Biometrics 45; its correction (2000), Biometrics 56.

    Examples
    --------
    >>> concordance([1, 2, 3, 4], [1, 2, 3, 5]).value
    0.9285...

    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    n = len(a)
    spread_a, spread_b = (float(x.var()) if n else 0.0 for x in (a, b))
    if spread_a == 0 or spread_b == 0:
        return Concordance(math.nan, NOTHING, math.nan, math.nan, "constant")
    together = float(((a - a.mean()) * (b - b.mean())).mean())
    shift = float(a.mean() - b.mean())
    precision = together / math.sqrt(spread_a * spread_b)
    value = 2 * together / (spread_a + spread_b + shift**2)
    accuracy = value / precision if precision else math.nan
    if n < 3 or precision == 0 or abs(value) >= 1:
        return Concordance(value, NOTHING, precision, accuracy)
    u2, r2, rest = shift**2 / math.sqrt(spread_a * spread_b), precision**2, 1 - value**2
    variance = (1 - r2) * value**2 / (rest * r2)
    variance += 2 * value**3 * (1 - value) * u2 / (precision * rest**2)
    variance -= value**4 * u2**2 / (2 * r2 * rest**2)
    half = deviate(level) * math.sqrt(max(variance, 0) / (n - 2))
    centre = math.atanh(value)
    return Concordance(
        value, Interval(math.tanh(centre - half), math.tanh(centre + half)), precision, accuracy
    )
