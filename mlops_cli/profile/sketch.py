"""The k smallest hashes of ids, with how often each came (KMV): a sample of the distinct ones that merges."""

import numpy as np
from numpy.typing import NDArray

from mlops_cli.profile.columns import NULL
from mlops_cli.profile.groups import Groups, Ints
from mlops_cli.profile.spec import SKETCH

Hashes = NDArray[np.uint64]
MARGIN = 4  # times as many as are wanted are looked at first


def smallest(hashes: Hashes, groups: Groups) -> tuple[Ints, Hashes, Ints]:
    """The SKETCH smallest hashes of each group.

    Parameters
    ----------
    hashes : of each row, NULL where there is none

    Returns
    -------
    group, hash, count : by group and hash

    """
    # So many of all hashes lie below the limit, if they are different; if not, all rows are looked at.
    share = MARGIN * SKETCH / np.maximum(groups.counts, 1)
    few = np.flatnonzero(share >= 0.5)
    limit = (np.minimum(share, 0.5) * 2.0**64).astype(np.uint64)
    limit[few] = NULL
    below = hashes < (limit[groups.code] if groups.code is not None else limit[:1])
    group, found, count = _counted(hashes, groups, np.flatnonzero(below))
    thin = np.bincount(group, minlength=groups.size) < SKETCH
    thin[few] = False
    if thin.any():
        rows = np.flatnonzero(
            (hashes != np.uint64(NULL)) & (thin[groups.code] if groups.code is not None else True)
        )
        kept = ~thin[group]
        parts = zip((group[kept], found[kept], count[kept]), _counted(hashes, groups, rows), strict=True)
        group, found, count = (np.concatenate(p) for p in parts)
        order = np.argsort(group, kind="stable")
        group, found, count = group[order], found[order], count[order]
    starts = np.searchsorted(group, np.arange(groups.size))
    kept = np.arange(len(group)) - starts[group] < SKETCH
    return group[kept], found[kept], count[kept]


def _counted(hashes: Hashes, groups: Groups, rows: Ints) -> tuple[Ints, Hashes, Ints]:
    """Different hashes of some rows, by group, and how often each comes."""
    values = hashes[rows]
    if not len(rows):
        return rows, values, rows
    if groups.code is None:
        code, values = np.zeros(len(rows), np.int64), np.sort(values)
    else:
        code = groups.code[rows]
        order = np.lexsort((values, code))
        code, values = code[order], values[order]
    new = np.flatnonzero((values[1:] != values[:-1]) | (code[1:] != code[:-1])) + 1
    starts = np.concatenate([[0], new])
    return code[starts], values[starts], np.diff(np.append(starts, len(values)))
