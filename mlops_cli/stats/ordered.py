"""Order statistics along the last axis where NaN means absent: medians of many series at once."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NORMAL_MAD = 1.4826  # standard deviations in a median absolute deviation of normal values


def median(x: Floats) -> Floats:
    """Median along the last axis.

    Parameters
    ----------
    x : (..., L), NaN absent

    Returns
    -------
    (...) ; NaN where nothing is there

    Examples
    --------
    >>> median(np.array([[3.0, 1.0, np.nan], [np.nan, np.nan, np.nan]]))
    array([ 2., nan])

    """
    if not x.shape[-1]:
        return np.full(x.shape[:-1], np.nan)
    gaps = np.isnan(x)
    if gaps.any():
        return middle(np.sort(x, axis=-1), x.shape[-1] - np.count_nonzero(gaps, axis=-1))
    # One partition and the largest below it: a third of the time of a sort.
    half = x.shape[-1] // 2
    parts = np.partition(x, half, axis=-1)
    upper = parts[..., half]
    if x.shape[-1] % 2:
        return np.asarray(upper)
    return np.asarray((parts[..., :half].max(axis=-1) + upper) / 2)


def middle(ordered: Floats, count: NDArray[np.intp]) -> Floats:
    """Median of values in ascending order, `count` of them present: (..., L), (...) → (...)."""
    low = _at(ordered, np.maximum((count - 1) // 2, 0))
    high = _at(ordered, np.minimum(count // 2, ordered.shape[-1] - 1))
    return np.where(count > 0, (low + high) / 2, np.nan)


def _at(ordered: Floats, position: NDArray[np.intp]) -> Floats:
    taken = np.take_along_axis(ordered, position[..., None], axis=-1)
    return np.asarray(taken[..., 0], np.float64)


def spread(x: Floats, centre: Floats | None = None) -> Floats:
    """Standard deviation by the median absolute deviation along the last axis; NaN absent.

    Parameters
    ----------
    x : (..., L)
    centre : (...) their median where it is known

    Returns
    -------
    (...) , 0 where more than half of the values are equal; NaN where nothing is there

    """
    middle_of = median(x) if centre is None else centre
    return NORMAL_MAD * median(np.abs(x - middle_of[..., None]))


def packed(x: Floats, keep: NDArray[np.bool_]) -> Floats:
    """The kept values of each row moved to its front in their order, NaN behind: (S, L), (S, L) → (S, L)."""
    order = np.argsort(~keep, axis=-1, kind="stable")
    out = np.take_along_axis(np.where(keep, x, np.nan), order, axis=-1)
    width = int(keep.sum(axis=-1).max(initial=0))
    return np.asarray(out[:, :width], np.float64)
