"""Which group each row of a piece belongs to, and sums by group."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DENSE = 1 << 22  # entries of a table that is counted in directly: 32 MB


@dataclass(frozen=True)
class Grouping:
    """Rows of a piece by group.

    Parameters
    ----------
    rows : how many
    groups : how many groups
    code : (rows,) group of each row; None where there is one group

    """

    rows: int
    groups: int
    code: Ints | None

    @cached_property
    def sizes(self) -> Ints:
        """Rows of each group."""
        if self.code is None:
            return np.array([self.rows], np.int64)
        return np.bincount(self.code, minlength=self.groups).astype(np.int64)

    @cached_property
    def order(self) -> Ints | None:
        """Rows sorted by group; None where they are."""
        if self.code is None or bool((np.diff(self.code) >= 0).all()):
            return None
        return np.argsort(self.code, kind="stable")

    @cached_property
    def bounds(self) -> Ints:
        """Where each group begins in that order; no group is empty."""
        return np.concatenate([[0], np.cumsum(self.sizes)[:-1]])

    @cached_property
    def largest(self) -> int:
        """The group of most rows."""
        return int(np.argmax(self.sizes))

    @cached_property
    def others(self) -> Ints | None:
        """Rows outside the largest group, where these are few enough to be counted alone."""
        if self.code is None or self.sizes[self.largest] < 0.6 * self.rows:
            return None
        return np.flatnonzero(self.code != self.largest)

    def of(self, rows: Ints) -> "Grouping":
        """The grouping of some of the rows, with the same groups, some of them empty."""
        return Grouping(len(rows), self.groups, None if self.code is None else self.code[rows])

    def count(self, mask: NDArray[np.bool_] | None) -> Ints:
        """True entries of a mask by group; None is all false."""
        if mask is None:
            return np.zeros(self.groups, np.int64)
        if self.code is None:
            return np.array([np.count_nonzero(mask)], np.int64)
        return np.bincount(self.code[mask], minlength=self.groups).astype(np.int64)

    def reduce(self, values: Floats, how: np.ufunc, empty: float) -> Floats:
        """A ufunc's reduction of each group, in the order of the rows; `empty` where a group has none."""
        if self.code is None:
            return np.array([how.reduce(values) if len(values) else empty], np.float64)
        ordered = values if self.order is None else values[self.order]
        out = np.full(self.groups, empty)
        full = np.flatnonzero(self.sizes)
        if len(full):
            out[full] = how.reduceat(ordered, self.bounds[full])
        return out

    def table(self, key: Ints, span: int) -> tuple[Ints, Ints, Ints]:
        """Rows by group and key.

        Parameters
        ----------
        key : (rows,) in [0, span)

        Returns
        -------
        group, key, count : of the pairs that occur, by group and key

        """
        if self.code is None:
            counts = np.bincount(key, minlength=span)
            found = np.flatnonzero(counts)
            return np.zeros(len(found), np.int64), found, counts[found]
        total = np.bincount(key, minlength=span)
        present = np.flatnonzero(total)
        width = len(present)
        if not width:
            return present, present, present
        dense = np.zeros(span, np.int64)
        dense[present] = np.arange(width)
        if self.groups * width > DENSE:
            both, counts = np.unique(self.code * width + dense[key], return_counts=True)
            return both // width, present[both % width], counts
        if self.others is not None:
            rare = self._dense(self.code[self.others], dense[key[self.others]], width)
            rare[self.largest] = total[present] - rare.sum(axis=0)
        else:
            rare = self._dense(self.code, dense[key], width)
        group, at = np.nonzero(rare)
        return group, present[at], rare[group, at]

    def _dense(self, code: Ints, key: Ints, width: int) -> Ints:
        flat = np.bincount(code * width + key, minlength=self.groups * width)
        return flat.reshape(self.groups, width).astype(np.int64)


def grouping(codes: Sequence[tuple[Ints, int]], rows: int) -> tuple[Grouping, Ints]:
    """Groups of equal codes.

    Parameters
    ----------
    codes : of each key (rows,) and how many codes it has

    Returns
    -------
    grouping, and for each group its code of every key, (groups, keys)

    """
    spans = [max(span, 1) for _, span in codes]
    varying = [(code, span) for code, span in codes if span > 1]
    if not varying:
        return Grouping(rows, 1, None), np.zeros((1, len(codes)), np.int64)
    both = np.zeros(rows, np.int64)
    size = 1
    for code, span in varying:
        both = both * span + code
        size *= span
    if size <= DENSE:
        found = np.flatnonzero(np.bincount(both, minlength=size))
        dense = np.zeros(size, np.int64)
        dense[found] = np.arange(len(found))
        code = dense[both]
    else:
        found, code = np.unique(both, return_inverse=True)
    columns, rest = [], found
    for span in reversed(spans):
        columns.append(rest % span)
        rest = rest // span
    keys = np.stack(columns[::-1], axis=1)
    return Grouping(rows, len(found), None if len(found) == 1 else code), keys
