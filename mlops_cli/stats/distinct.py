"""Distinct values, duplicates and overlap from the k smallest hashes (KMV) and how often each came.

The hashes are uniform 64-bit numbers, one for each value. The k smallest are a random sample of the distinct
values, so shares among them estimate shares among all (relative error of a count 1 / sqrt(k - 2): 2.2 % at
2,048). Bar-Yossef et al. (2002), RANDOM; Beyer et al. (2007), SIGMOD.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

SPACE = 2.0**64


def distinct(hashes: ArrayLike, counts: ArrayLike, k: int) -> float:
    """Number of different values.

    Parameters
    ----------
    hashes : (j,) uint64, each once, in any order
    counts : (j,) rows of each; what came 0 times is left out
    k : hashes that were kept at most

    Returns
    -------
    exact where fewer than k were kept, else an estimate; 0 where there are none

    Raises
    ------
    ValueError
        Where k is less than 2.

    Examples
    --------
    >>> distinct(np.array([3, 9], np.uint64), [1, 5], 2048)
    2.0
    >>> distinct(np.array([2**60, 2**61, 2**62], np.uint64), [1, 1, 1], 3)
    8.0

    """
    if k < 2:
        raise ValueError(f"k must be at least 2, not {k}")
    kept = _kept(hashes, counts)
    if len(kept) < k:
        return float(len(kept))
    return (k - 1) / (float(kept[k - 1]) / SPACE)


def duplicate_share(counts: ArrayLike) -> float:
    """Share of the rows whose value came more than once.

    Parameters
    ----------
    counts : (j,) rows of each hash that was kept

    Returns
    -------
    in [0, 1], NaN where there is no row; exact where all hashes were kept

    Examples
    --------
    >>> duplicate_share([1, 1, 3, 0])
    0.6

    """
    rows = np.asarray(counts, np.float64)
    total = rows.sum()
    return float(rows[rows > 1].sum() / total) if total > 0 else float("nan")


def overlap(
    current: ArrayLike,
    current_counts: ArrayLike,
    reference: ArrayLike,
    reference_counts: ArrayLike,
    k: int,
) -> float:
    """Share of the window's rows whose value the baseline has too.

    Parameters
    ----------
    current, reference : (i,), (j,) uint64, hashes that were kept of the window and the baseline
    current_counts, reference_counts : (i,), (j,) rows of each
    k : hashes that were kept at most

    Returns
    -------
    in [0, 1], NaN where the window has no row; exact where both kept all. Compared are the hashes up to the
    largest of whichever sample was cut: about k n / N of a window of n values against a baseline of N.

    Examples
    --------
    >>> overlap(np.array([1, 2, 3], np.uint64), [1, 1, 2], np.array([3, 4], np.uint64), [9, 9], 2048)
    0.5

    """
    mine, theirs = _kept(current, current_counts), _kept(reference, reference_counts)
    limits = [kept[-1] for kept in (mine, theirs) if len(kept) >= k]
    hashes, rows = np.asarray(current, np.uint64), np.asarray(current_counts, np.float64)
    if limits:
        rows = np.where(hashes <= min(limits), rows, 0.0)
    total = rows.sum()
    if total <= 0:
        return float("nan")
    return float(rows[np.isin(hashes, theirs)].sum() / total)


def _kept(hashes: ArrayLike, counts: ArrayLike) -> NDArray[np.uint64]:
    values = np.asarray(hashes, np.uint64)
    return np.sort(values[np.asarray(counts) > 0])
