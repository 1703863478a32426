"""The ratio of two rates from counts in windows: an interval that is valid at every look."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_GRID: Floats = np.linspace(-7.0, 7.0, 281)  # log ratio
_PRIOR: Floats = -(_GRID**2) / 2  # N(0, 1)
_FAR = 30.0  # e^30: no ratio is beyond it
_STEPS = 200


class Ratio(NamedTuple):
    """Bounds of `p_c / p_b`."""

    low: float
    high: float


def ratio_sequence(xc: ArrayLike, xb: ArrayLike, nc: ArrayLike, nb: ArrayLike, alpha: float) -> Ratio:
    """Two-sided confidence sequence for the rate ratio of treatment and control.

    Parameters
    ----------
    xc, xb, nc, nb : (cells,) events and exposures; cells where an exposure is 0 are left out
    alpha : chance that it ever misses

    Returns
    -------
    Ratio
        (0, inf) where there is no event; low is 0 or high inf where the data do not bound that side.

    References
    ----------
    Lindon, Malek (2022), arXiv:2011.03567, with a normal prior on the log ratio.

    Examples
    --------
    >>> ratio_sequence([20], [990], [1000], [99000], 0.05)
    Ratio(low=0.9161..., high=3.7366...)

    """
    xc, xb, nc, nb = (np.asarray(v, np.float64).ravel() for v in (xc, xb, nc, nb))
    known = (nc > 0) & (nb > 0)
    xc, xb, offset = xc[known], xb[known], np.log(nc[known]) - np.log(nb[known])
    if not xc.sum() + xb.sum():
        return Ratio(0.0, float("inf"))

    def likelihood(log_ratio: float) -> float:
        odds = offset + log_ratio
        return float(-(xc * np.logaddexp(0, -odds) + xb * np.logaddexp(0, odds)).sum())

    prior = _PRIOR - np.log(np.exp(_PRIOR).sum())
    line = prior + np.array([likelihood(g) for g in _GRID])
    mixture = line.max() + np.log(np.exp(line - line.max()).sum())
    floor = mixture + np.log(alpha)  # ratios whose likelihood is above it stay

    low, high = -_FAR, _FAR
    for _ in range(_STEPS):  # the likelihood is concave
        left, right = low + (high - low) / 3, high - (high - low) / 3
        low, high = (left, high) if likelihood(left) < likelihood(right) else (low, right)
    best = (low + high) / 2

    def edge(outside: float) -> float:
        inside = best
        for _ in range(_STEPS):
            middle = (outside + inside) / 2
            outside, inside = (middle, inside) if likelihood(middle) <= floor else (outside, middle)
        return (outside + inside) / 2

    return Ratio(
        0.0 if likelihood(-_FAR) > floor else float(np.exp(edge(-_FAR))),
        float("inf") if likelihood(_FAR) > floor else float(np.exp(edge(_FAR))),
    )
