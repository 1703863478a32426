"""The bins that every binned statistic of drift shares."""

from typing import NamedTuple

import numpy as np

from mlops_cli.stats.statistic import Counts, Floats

# Rows expected in the smaller of the two samples. Fewer say nothing of their own bin, and skew chi-square: at
# 1 a nominal p of 5e-4 is met up to 3.5 times too often on Zipf's categories, at 2 and at 5 up to 2.3 times.
RARE = 2.0


class Bins(NamedTuple):
    """Rows by bin: `reference` (W, k) or (k,), `current` (W, k)."""

    reference: Floats
    current: Floats


def bins(counts: Counts) -> Bins:
    """Rows by bin, as `spec/monitoring-peers.md` 1 defines them.

    Numbers are cut at the baseline's inner deciles (`cuts`), categories keep the baseline's values and one
    last bin for all others.

    Returns
    -------
    Bins
        reference (k,), current (W, k); k is at least 1 where K is, bins may be empty.

    """
    if not counts.ordered:
        seen = counts.reference > 0
        unseen = counts.current[:, ~seen].sum(axis=1, keepdims=True)
        current = np.concatenate([counts.current[:, seen], unseen], axis=1)
        return Bins(np.append(counts.reference[seen], 0.0), current)
    filled = np.flatnonzero(counts.reference)
    if len(filled) == 1:
        one = counts.current[:, filled[0]]
        rest = counts.current.sum(axis=1) - one
        return Bins(np.array([counts.reference[filled[0]], 0.0]), np.stack([one, rest], axis=1))
    starts = np.union1d([0], cuts(counts.reference)) if len(counts.reference) else np.zeros(0, np.int64)
    return Bins(_reduce(counts.reference[None, :], starts)[0], _reduce(counts.current, starts))


def _reduce(rows: Floats, starts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
    if not len(starts):
        return np.zeros((len(rows), 0))
    return np.add.reduceat(rows, starts, axis=1)


def cuts(reference: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Indices of the cells at whose lower edge numbers are cut.

    The cells that hold row number ceil((n - 1) k / 10) of the baseline, counted from 0, k = 1 to 9; equal
    cuts count once. A cell that holds several of them is a bin of its own (it is cut off above too):
    otherwise a field that is 0 in 95 % of its rows would have one bin for all its values.

    Parameters
    ----------
    reference : (K,) rows, cells in ascending order

    Returns
    -------
    (at most 17,) ascending, none where there are no rows

    Examples
    --------
    >>> cuts(np.array([10.0, 10, 10, 10, 10, 10, 10, 10, 10, 10])).tolist()
    [1, 2, 3, 4, 5, 6, 7, 8, 9]
    >>> cuts(np.array([0.0, 95, 3, 2])).tolist()
    [1, 2]

    """
    total = np.cumsum(reference)
    if not len(total) or total[-1] <= 0:
        return np.zeros(0, np.int64)
    rows = np.ceil((total[-1] - 1) * np.arange(1, 10) / 10)
    cells, times = np.unique(np.searchsorted(total, rows, side="right"), return_counts=True)
    above = cells[times > 1] + 1
    return np.union1d(cells, above[above < len(reference)])


def pooled(counts: Counts, binned: Bins) -> Bins:
    """Rows by bin, those with fewer than two rows expected in the smaller sample put into one.

    The choice looks at both samples together only, so that it favours neither: what is said of these bins
    by exchanging rows between the samples is exact (a bin chosen because the baseline has it is not).
    Categories start from their own counts, numbers from `binned`.

    Returns
    -------
    Bins
        reference and current (W, k + 1), without the bins that are rare in every window

    """
    if counts.ordered:
        reference, current = binned.reference, binned.current
    else:
        reference, current = counts.reference, counts.current
    n = reference.sum()
    m = current.sum(axis=1, keepdims=True)
    together = reference + current
    with np.errstate(invalid="ignore", divide="ignore"):
        rare = together * (np.minimum(n, m) / (n + m)) < RARE
    pool_reference = (reference * rare).sum(axis=1, keepdims=True)
    pool_current = (current * rare).sum(axis=1, keepdims=True)
    kept = ~rare.all(axis=0)  # of 20,000 categories most are rare in every window
    reference, current, rare = reference[kept], current[:, kept], rare[:, kept]
    return Bins(
        np.concatenate([np.where(rare, 0.0, reference), pool_reference], axis=1),
        np.concatenate([np.where(rare, 0.0, current), pool_current], axis=1),
    )
