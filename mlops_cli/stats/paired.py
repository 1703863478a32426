"""Two deciders on the same items: the difference of their accuracies, from the discordant pairs alone.

`b` items only the first got right, `c` only the second, of `n` in all; the difference is (b - c) / n.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.distributions import deviate, normal_upper
from mlops_cli.stats.proportion import Interval, wilson

Floats = NDArray[np.float64]
HALVINGS = 60  # of an interval of length 2: to the last bit


@dataclass(frozen=True)
class McNemar:
    """Two-sided p-values that both deciders err equally often: exact (conservative) and mid-p."""

    exact: float
    mid_p: float


def score(b: ArrayLike, c: ArrayLike, n: ArrayLike, difference: ArrayLike) -> Floats:
    """Standardised distance of the observed difference from a hypothetical one.

    Parameters
    ----------
    b, c, n : (...,) counts, b + c <= n; broadcast together
    difference : (...,) in [-1, 1]

    Returns
    -------
    (...,) falls as `difference` rises. Where the variance under the hypothesis is 0: 0 if observed and
    hypothetical agree, else infinite with the sign of observed - hypothetical.

    References
    ----------
    Tango (1998), Statistics in Medicine 17, 891.

    """
    first, second, items, d = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (b, c, n, difference)))
    with np.errstate(divide="ignore", invalid="ignore"):
        linear = -first - second + (2 * items - first + second) * d
        constant = -second * d * (1 - d)
        root = np.sqrt(np.maximum(linear**2 - 8 * items * constant, 0))
        q = (root - linear) / (4 * items)
        variance = items * (2 * q + d * (1 - d))
        above = first - second - items * d
        out = above / np.sqrt(variance)
    flat = np.where(above > 0, np.inf, np.where(above < 0, -np.inf, 0.0))
    return np.where(variance > 0, out, flat)


def tango(b: ArrayLike, c: ArrayLike, n: ArrayLike, level: float = 0.95) -> Interval:
    """Score interval of (b - c) / n; (-1, 1) where n is 0.

    At the boundary of non-inferiority its error is 0.037 to 0.056 of a nominal 0.05, where Wald's is up to
    0.072 (`tests/calibration/test_paired_calibration.py`).

    Parameters
    ----------
    b, c, n : (...,) counts, b + c <= n; broadcast together
    level : coverage in (0, 1)

    References
    ----------
    Tango (1998), Statistics in Medicine 17, 891.

    Examples
    --------
    >>> tango(1, 7, 21)
    Interval(low=-0.5172..., high=-0.0260...)

    """
    first, second, items = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (b, c, n)))
    z = deviate(level)
    known = items > 0
    safe = np.where(known, items, 1.0)
    observed = np.where(known, (first - second) / safe, 0.0)
    out = []
    for sign in (-1.0, 1.0):  # lower bound, upper bound
        near, far = observed.copy(), np.full_like(observed, sign)
        reaches = -sign * score(first, second, safe, sign * (1 - 1e-12)) < z
        for _ in range(HALVINGS):
            middle = (near + far) / 2
            inside = -sign * score(first, second, safe, middle) < z
            near, far = np.where(inside, middle, near), np.where(inside, far, middle)
        bound = np.where(reaches | ~known, sign, (near + far) / 2)
        out.append(float(bound) if bound.ndim == 0 else bound)
    return Interval(*out)


def not_worse(b: ArrayLike, c: ArrayLike, n: ArrayLike, margin: float) -> Floats:
    """One-sided p-value of the hypothesis that the first is worse by the margin or more.

    Parameters
    ----------
    b, c, n : (...,) counts; broadcast together
    margin : in [0, 1): how much worse is still acceptable

    Returns
    -------
    (...,) in [0, 1]; small: the first is not worse than the second by the margin. 1 where n is 0.

    Examples
    --------
    >>> float(not_worse(12, 8, 400, 0.02))
    0.0068...

    """
    items = np.asarray(n, np.float64)
    p = normal_upper(score(b, c, np.maximum(items, 1), -margin))
    return np.where(items > 0, p, 1.0)


def worse(b: ArrayLike, c: ArrayLike, n: ArrayLike, margin: float) -> Floats:
    """One-sided p-value of the hypothesis that the first is worse by the margin at most; 1 where n is 0."""
    items = np.asarray(n, np.float64)
    p = normal_upper(-score(b, c, np.maximum(items, 1), -margin))
    return np.where(items > 0, p, 1.0)


def newcombe_paired(both: int, b: int, c: int, neither: int, level: float = 0.95) -> Interval:
    """Interval of (b - c) / n by squaring and adding; (-1, 1) where nothing was counted.

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17, 2635, method 10.

    Examples
    --------
    >>> newcombe_paired(1, 1, 7, 12)
    Interval(low=-0.5069..., high=-0.0255...)

    """
    n = both + b + c + neither
    if n == 0:
        return Interval(-1.0, 1.0)
    p1, p2 = (both + b) / n, (both + c) / n
    (low1, high1), (low2, high2) = wilson(both + b, n, level), wilson(both + c, n, level)
    margins = (both + b) * (c + neither) * (both + c) * (b + neither)
    cross = both * neither - b * c
    phi = 0.0
    if margins:
        phi = (max(cross - n / 2, 0) if cross > 0 else cross) / math.sqrt(margins)
    down = (p1 - low1) ** 2 - 2 * phi * (p1 - low1) * (high2 - p2) + (high2 - p2) ** 2
    up = (p2 - low2) ** 2 - 2 * phi * (p2 - low2) * (high1 - p1) + (high1 - p1) ** 2
    return Interval(p1 - p2 - math.sqrt(max(down, 0)), p1 - p2 + math.sqrt(max(up, 0)))


def mcnemar(b: int, c: int) -> McNemar:
    """Do both err equally often? 1 where no item tells them apart.

    References
    ----------
    McNemar (1947), Psychometrika 12; Fagerland, Lydersen, Laake (2013), BMC Medical Research Methodology 13.

    Examples
    --------
    >>> mcnemar(1, 7)
    McNemar(exact=0.0703125, mid_p=0.0390...)

    """
    from scipy.special import bdtr, gammaln  # noqa: PLC0415 - 0.4 s to import

    n, k = b + c, min(b, c)
    if n == 0:
        return McNemar(1.0, 1.0)
    twice = 2 * float(bdtr(k, n, 0.5))
    log = float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)) - n * math.log(2)
    return McNemar(min(1.0, twice), min(1.0, max(0.0, twice - math.exp(log))))


def items_needed(
    discordant: float, difference: float, margin: float, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """Items that show non-inferiority with the wanted power; None where the truth is not inside the margin.

    Parameters
    ----------
    discordant : expected share of items on which one is right and the other wrong
    difference : expected difference of the accuracies
    margin : of non-inferiority, >= 0

    Examples
    --------
    >>> items_needed(0.1, 0.0, 0.02)
    1546

    """
    if difference + margin <= 0:
        return None
    z = NormalDist().inv_cdf(1 - alpha) + NormalDist().inv_cdf(power)
    return max(1, math.ceil(z**2 * (discordant - difference**2) / (difference + margin) ** 2))
