"""Tails and quantiles of the normal, Student's t and the chi-square distribution; intervals of a mean."""

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.proportion import Interval

Floats = NDArray[np.float64]


def deviate(level: float) -> float:
    """The z of a two-sided normal interval.

    Examples
    --------
    >>> round(deviate(0.95), 4)
    1.96

    """
    return NormalDist().inv_cdf((1 + level) / 2)


def student(level: float, degrees: float) -> float:
    """The t of a two-sided interval; infinite where degrees < 1.

    Examples
    --------
    >>> round(student(0.95, 9), 4)
    2.2622

    """
    from scipy.special import stdtrit  # noqa: PLC0415 - 0.4 s to import

    return float(stdtrit(degrees, (1 + level) / 2)) if degrees >= 1 else float("inf")


def student_upper(t: ArrayLike, degrees: ArrayLike) -> Floats:
    """P(T >= t); NaN where t is."""
    from scipy.special import stdtr  # noqa: PLC0415 - 0.4 s to import

    return np.asarray(stdtr(degrees, -np.asarray(t, np.float64)))


def normal_upper(z: ArrayLike) -> Floats:
    """P(Z >= z), exact far out."""
    from scipy.special import ndtr  # noqa: PLC0415 - 0.4 s to import

    return np.asarray(ndtr(-np.asarray(z, np.float64)))


def chi_square_upper(x: ArrayLike, degrees: ArrayLike) -> Floats:
    """P(X >= x); 1 where degrees are 0."""
    from scipy.special import chdtrc  # noqa: PLC0415 - 0.4 s to import

    df = np.asarray(degrees, np.float64)
    return np.where(df > 0, chdtrc(np.maximum(df, 1), np.asarray(x, np.float64)), 1.0)


def upper_bound(k: float, n: float, delta: float) -> float:
    """One-sided exact bound of a proportion that is exceeded with chance delta; 1 where n = 0 or k = n.

    References
    ----------
    Clopper, Pearson (1934), Biometrika 26.

    Examples
    --------
    >>> round(upper_bound(0, 59, 0.05), 5)
    0.04951

    """
    from scipy.special import betaincinv  # noqa: PLC0415 - 0.4 s to import

    return 1.0 if n == 0 or k >= n else float(betaincinv(k + 1, n - k, 1 - delta))


def mean_interval(x: ArrayLike, level: float, low: float = -np.inf, high: float = np.inf) -> Interval:
    """Student's interval of a mean, clipped to what is possible; infinite with fewer than two values.

    Examples
    --------
    >>> mean_interval([1.0, 2.0, 3.0], 0.95)
    Interval(low=-0.4841..., high=4.4841...)

    """
    values = np.asarray(x, np.float64)
    n = len(values)
    if n < 2:
        return Interval(low, high)
    half = student(level, n - 1) * float(values.std(ddof=1)) / n**0.5
    mean = float(values.mean())
    return Interval(max(low, mean - half), min(high, mean + half))
