"""Differences of means from counts, sums and squares in windows, valid at every look for large samples."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

ROBUST_FROM = 20  # cells: from here on the variance between windows counts, too


class Difference(NamedTuple):
    """Estimate of `mean_c - mean_b` after each cell, and its variance; NaN where nothing is known."""

    estimate: Floats
    variance: Floats


def stratified(
    nc: ArrayLike,
    sc: ArrayLike,
    qc: ArrayLike,
    nb: ArrayLike,
    sb: ArrayLike,
    qb: ArrayLike,
    *,
    robust: bool = True,
) -> Difference:
    """Difference of means within windows, weighted by exposure, so that no cycle and no ramp can move it.

    Parameters
    ----------
    nc, sc, qc : (..., cells) units, sum and sum of squares of the treatment, in the unit of the metric
    nb, sb, qb : the same of the control; cells where either has no unit are left out
    robust : from 20 cells on take the variance between cells where it is the greater one (units that repeat)

    Returns
    -------
    Difference
        (..., cells), cumulative; the variance is NaN while an arm has no two units in a cell.

    References
    ----------
    `spec/rollout.md`, 2.2.

    """
    nc, sc, qc, nb, sb, qb = np.broadcast_arrays(
        *(np.asarray(v, np.float64) for v in (nc, sc, qc, nb, sb, qb))
    )
    known = (nc > 0) & (nb > 0)
    mc, mb = np.where(known, nc, 1.0), np.where(known, nb, 1.0)
    d = np.where(known, sc / mc - sb / mb, 0.0)
    h = np.where(known, mc * mb / (mc + mb), 0.0)

    def so_far(values: Floats) -> Floats:
        return np.cumsum(np.where(known, values, 0.0), -1)

    with np.errstate(divide="ignore", invalid="ignore"):
        spread_c = np.maximum(so_far(qc - sc**2 / mc), 0.0) / so_far(mc - 1)
        spread_b = np.maximum(so_far(qb - sb**2 / mb), 0.0) / so_far(mb - 1)
        weight = so_far(h)
        estimate = so_far(h * d) / weight
        variance = (spread_c * so_far(h**2 / mc) + spread_b * so_far(h**2 / mb)) / weight**2
        if robust:
            cells = np.cumsum(known, -1)
            between = so_far(h**2 * d**2) - 2 * estimate * so_far(h**2 * d) + estimate**2 * so_far(h**2)
            between = between / weight**2 * cells / np.maximum(cells - 1, 1)
            # fmax: one unit a cell has no variance within, but between cells it has
            variance = np.where(cells >= ROBUST_FROM, np.fmax(variance, between), variance)
    return Difference(estimate, variance)


def against(n: ArrayLike, s: ArrayLike, q: ArrayLike, limit: float) -> Difference:
    """The mean of one arm less a limit, after each cell; `variance` is NaN while no cell has two units."""
    n, s, q = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (n, s, q)))
    some = np.maximum(n, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.cumsum(n, -1)
        estimate = np.cumsum(s, -1) / total - limit
        inside = np.cumsum(np.where(n > 0, q - s**2 / some, 0.0), -1)
        spread = np.maximum(inside, 0.0) / np.cumsum(np.maximum(n - 1, 0.0), -1)
        return Difference(estimate, spread / total)


def tuned(effect: float, alpha: float, sides: int = 1) -> float:
    """Variance of the mixing normal that makes the bound tightest when its radius equals `effect`.

    Parameters
    ----------
    effect : margin, or the smallest difference of interest, in the metric's unit; not 0
    alpha : in (0, 1/2) one-sided
    sides : 1 or 2

    References
    ----------
    Waudby-Smith et al. (2024), arXiv:2103.06476v7, eq. 161.

    """
    a = 2 * alpha if sides == 1 else alpha
    c = -2 * np.log(a) + np.log(-2 * np.log(a) + 1)
    return float(c * (effect / float(multiplier(1.0, c, alpha, sides))) ** 2)


def multiplier(variance: ArrayLike, tau2: float, alpha: float, sides: int = 1) -> Floats:
    """How many standard errors the bound lies from the estimate.

    Parameters
    ----------
    variance : (...,) of the estimate, positive
    tau2 : variance of the mixing normal, of `tuned`
    alpha : chance that the bound is ever wrong
    sides : 1 or 2

    References
    ----------
    arXiv:2103.06476v7, eq. 9 (two sides) and 134 (one side).

    """
    r = tau2 / np.asarray(variance, np.float64)
    if sides == 2:
        return np.asarray(np.sqrt((1 + 1 / r) * (2 * np.log(1 / alpha) + np.log1p(r))))
    return np.asarray(np.sqrt((1 + 1 / r) * 2 * np.log1p(np.sqrt(1 + r) / (2 * alpha))))


def radius(variance: ArrayLike, tau2: float, alpha: float, sides: int = 1) -> Floats:
    """Distance of the bound from the estimate; infinite where the variance is not known, 0 where it is 0."""
    v = np.asarray(variance, np.float64)
    known = np.isfinite(v) & (v > 0)
    safe = np.where(known, v, 1.0)
    found = np.sqrt(safe) * multiplier(safe, tau2, alpha, sides)
    return np.where(known, found, np.where(v == 0, 0.0, np.inf))


def log_e_mean(excess: ArrayLike, variance: ArrayLike, tau2: float) -> Floats:
    """Log e-value against `mean_c - mean_b <= 0` (large samples), from the estimated excess.

    Parameters
    ----------
    excess : (...,) estimate; for `difference >= margin` pass `margin - estimate`
    variance : (...,) of it; NaN, and 0 with no excess, are no evidence: 0
    tau2 : of `tuned`

    References
    ----------
    Howard et al. (2020), arXiv:1810.08240, Prop. 4.

    """
    from scipy.special import log_ndtr  # noqa: PLC0415 - 0.4 s to import

    e, v = np.broadcast_arrays(np.asarray(excess, np.float64), np.asarray(variance, np.float64))
    known = np.isfinite(e) & np.isfinite(v) & (v > 0)
    safe = np.where(known, v, 1.0)
    r = tau2 / safe
    z = np.where(known, e, 0.0) / np.sqrt(safe)
    found = np.log(2) - np.log1p(r) / 2 + z**2 * r / (2 * (1 + r)) + log_ndtr(z * np.sqrt(r / (1 + r)))
    certain = np.where((v == 0) & (e > 0), np.inf, 0.0)  # every value the same
    return np.where(known, found, certain)


def until_radius(variance: float, cells: int, tau2: float, alpha: float, wanted: float) -> Any:
    """Further cells like those so far until the radius is at most `wanted`; None: never, or nothing known.

    Parameters
    ----------
    variance : of the estimate after `cells` cells; it falls as 1 / cells
    wanted : positive, in the metric's unit

    """
    if not (np.isfinite(variance) and cells and wanted > 0):
        return None

    def small(total: float) -> bool:
        return bool(radius(variance * cells / total, tau2, alpha) <= wanted)

    if small(cells):
        return 0
    high = 2 * cells
    while not small(high):
        high *= 2
        if high > 10_000_000:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if small(middle) else (middle, high)
    return high - cells
