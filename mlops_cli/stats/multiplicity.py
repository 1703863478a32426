"""Many tests at once: which hypotheses may be rejected together."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Bools = NDArray[np.bool_]


def holm(p: ArrayLike, alpha: float = 0.05, m: int | None = None) -> Bools:
    """Rejections that hold the chance of any false one at alpha, whatever the dependence.

    Parameters
    ----------
    p : (k,) p-values; NaN counts as 1
    alpha : in (0, 1)
    m : number of hypotheses, at least k (the default); those not in p count as not rejected

    Returns
    -------
    (k,) True: rejected

    Raises
    ------
    ValueError
        Where m is less than k, or alpha is not in (0, 1).

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, 0.005])
    array([ True, False, False,  True])
    >>> holm([0.01], m=10)
    array([False])

    """
    values, order, total = _sorted(p, alpha, m)
    passed = values[order] <= alpha / (total - np.arange(len(values)))
    out = np.zeros(len(values), np.bool_)
    out[order] = np.logical_and.accumulate(passed)
    return out


def benjamini_hochberg(p: ArrayLike, alpha: float = 0.05, m: int | None = None) -> Bools:
    """Rejections of which on average at most alpha are false, for independent or positively dependent tests.

    Parameters, returns and errors as of `holm`.

    References
    ----------
    Benjamini, Hochberg (1995), Journal of the Royal Statistical Society B 57.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.005])
    array([ True,  True,  True,  True])

    """
    values, order, total = _sorted(p, alpha, m)
    below = np.flatnonzero(values[order] <= alpha * np.arange(1, len(values) + 1) / total)
    out = np.zeros(len(values), np.bool_)
    if len(below):
        out[order[: below[-1] + 1]] = True
    return out


def e_benjamini_hochberg(e: ArrayLike, alpha: float, m: int | None = None) -> Bools:
    """Rejections of which on average at most alpha are false, from e-values, whatever their dependence.

    Parameters
    ----------
    e : (k,) e-values, at least 0; NaN counts as 0
    alpha : in (0, 1)
    m : number of hypotheses, at least k (the default)

    Returns
    -------
    (k,) True: among the largest j with `e >= m / (alpha j)`

    Raises
    ------
    ValueError
        Where m is less than k, or alpha is not in (0, 1).

    References
    ----------
    Wang, Ramdas (2022), Journal of the Royal Statistical Society B 84.

    Examples
    --------
    >>> e_benjamini_hochberg([60.0, 30.0, 5.0, 0.0], 0.05)
    array([False, False, False, False])
    >>> e_benjamini_hochberg([60.0, 30.0, 5.0, 0.0], 0.1)
    array([ True,  True, False, False])

    """
    with np.errstate(divide="ignore"):
        return benjamini_hochberg(1 / np.nan_to_num(np.asarray(e, np.float64), nan=0.0), alpha, m)


def _sorted(p: ArrayLike, alpha: float, m: int | None) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    values = np.nan_to_num(np.asarray(p, np.float64).ravel(), nan=1.0)
    total = len(values) if m is None else m
    if total < len(values):
        raise ValueError(f"m is {m}, but there are {len(values)} p-values")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be in (0, 1), not {alpha}")
    return values, np.argsort(values, kind="stable"), total
