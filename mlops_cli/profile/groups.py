"""Groups: which window, model, component, arm and segment each row of a piece belongs to, as one code."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DENSE = 1 << 22  # entries of a table that is counted in directly: 32 MB
MOST = 0.5  # share of the rows from which the largest group is what the others leave


@dataclass(frozen=True)
class Key:
    """One key of the rows: `code` (n,) in [0, size); None where all rows have code 0."""

    code: Ints | None
    size: int


@dataclass(frozen=True)
class Groups:
    """A partition of the rows of a piece; no group is empty unless it is a partition of some of them.

    Parameters
    ----------
    rows : how many rows
    size : how many groups
    code : (rows,) group of each row; None where there is one
    first : number of the first of them among all groups of the piece
    coarse : they are segments, counted with fewer cells

    """

    rows: int
    size: int
    code: Ints | None
    first: int = 0
    coarse: bool = False

    @cached_property
    def counts(self) -> Ints:
        """Rows of each group."""
        return self.count(None)

    @cached_property
    def rest(self) -> int:
        """The group that is what the others leave of all rows: so the few rows of a canary cost little."""
        if self.coarse or self.code is None:
            return -1
        largest = int(np.argmax(self.counts))
        return largest if self.counts[largest] > MOST * self.rows else -1

    @cached_property
    def order(self) -> Ints | None:
        """Rows that are counted by themselves, group after group; None where they lie so already."""
        if self.code is None:
            return None
        code = self.code
        if self.rest >= 0:
            rows = np.flatnonzero(code != self.rest)
            return rows[_sorting(code[rows], self.size)]
        if bool((code[1:] >= code[:-1]).all()):
            return None
        return _sorting(code, self.size)

    @cached_property
    def ordered(self) -> Ints:
        """Group of each of those rows."""
        counts = self.counts.copy()
        if self.rest >= 0:
            counts[self.rest] = 0
        return np.repeat(np.arange(self.size), counts)

    def count(self, mask: Bools | None) -> Ints:
        """True entries of a mask by group; all rows where there is none."""
        if self.code is None:
            return np.array([self.rows if mask is None else np.count_nonzero(mask)], np.int64)
        return np.bincount(self.code if mask is None else self.code[mask], minlength=self.size)

    def of(self, rows: Ints) -> "Groups":
        """The partition of some of the rows; groups may be empty."""
        code = None if self.code is None else self.code[rows]
        return Groups(len(rows), self.size, code, self.first, self.coarse)

    def table(self, key: Ints, size: int, room: Ints | None = None) -> tuple[Ints, Ints, Ints]:
        """Rows by group and key in [0, size): group, key and count of the pairs that occur."""
        if self.code is None:
            counts = np.bincount(key, minlength=size)
            found = np.flatnonzero(counts)
            return np.zeros(len(found), np.int64), found, counts[found]
        if self.rest < 0 or self.order is None:
            return pairs(self.code, key, self.size, size, room)
        group, at, count = pairs(self.ordered, key[self.order], self.size, size)
        left = np.bincount(key, minlength=size)
        np.subtract.at(left, at, count)
        found = np.flatnonzero(left)
        rest = np.full(len(found), self.rest)
        return (
            np.concatenate([group, rest]),
            np.concatenate([at, found]),
            np.concatenate([count, left[found]]),
        )


def pairs(code: Ints, key: Ints, groups: int, size: int, room: Ints | None = None) -> tuple[Ints, Ints, Ints]:
    """Rows by two codes: those that occur, in their order, with their counts.

    Parameters
    ----------
    code, key : (n,) in [0, groups) and [0, size)
    room : (n,) to work in: a new array of that size is paged in each time, three times the cost of counting

    Examples
    --------
    >>> pairs(np.array([1, 0, 1]), np.array([2, 0, 2]), 2, 3)
    (array([0, 1]), array([0, 2]), array([1, 2]))

    """
    both = np.multiply(code, size, out=room)
    both += key
    if groups * size <= max(DENSE, 4 * len(code)) and groups * size <= 16 * DENSE:
        counts = np.bincount(both, minlength=groups * size)
        found = np.flatnonzero(counts)
        many = counts[found]
    else:
        found, many = runs(both)
    group = found // size
    return group, found - group * size, many


def runs(values: Ints | NDArray[np.int32]) -> tuple[Ints, Ints]:
    """Different values, ascending, and how often each occurs; `np.unique` in half the time."""
    if not len(values):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    row = np.sort(values)
    at = np.concatenate([[0], np.flatnonzero(row[1:] != row[:-1]) + 1])
    return row[at].astype(np.int64), np.diff(np.append(at, len(row)))


def partition(keys: Sequence[Key], rows: int) -> tuple[Groups, Ints]:
    """Rows that agree in all keys.

    Returns
    -------
    groups, and the code of every key for each group, (groups, keys); sorted by them

    """
    size = min(rows, 1)
    code: Ints | None = None
    table = np.zeros((size, 0), np.int64)
    for key in keys:
        mine = np.zeros(size, np.int64)
        if key.code is not None and key.size > 1 and rows:
            both = key.code if code is None else code * key.size + key.code
            found, code = _dense(both, size * key.size)
            table, mine, size = table[found // key.size], found % key.size, len(found)
        table = np.concatenate([table, mine[:, None]], axis=1)
    return Groups(rows, size, code if size > 1 else None), table


def _dense(code: Ints, size: int) -> tuple[Ints, Ints]:
    """The codes that occur, and each row's position among them."""
    if size > DENSE:
        found, inverse = np.unique(code, return_inverse=True)
        return found, inverse.reshape(-1).astype(np.int64)
    found = np.flatnonzero(np.bincount(code, minlength=size))
    if len(found) == size:
        return found, code
    to = np.zeros(size, np.int64)
    to[found] = np.arange(len(found))
    return found, to[code]


def _sorting(code: Ints, size: int) -> Ints:
    """Positions of the rows group after group; codes of 16 bits are sorted by their digits."""
    return np.argsort(code.astype(np.uint16) if size <= 1 << 16 else code, kind="stable")
