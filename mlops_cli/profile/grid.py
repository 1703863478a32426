"""Grid: numbers → keys that are counted in a table, and keys → cells; one for each resolution.

Of a field of 7 bits or fewer a key is the upper half of the float32 (a bfloat16), 65,536 in all. A finer
field has a key for each cell from `low_cell` to `high_cell` of its spec, one for all below and one for all
above: of the few values there the cells themselves are sorted (`spec/performance.md`, 1). NaN and infinities
cannot come here.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mlops_cli.profile.groups import Ints, pairs, runs
from mlops_cli.profile.spec import WHOLE_M, FieldSpec
from mlops_cli.stats.cells import BITS, signed

Floats = NDArray[np.float64]
Int32s = NDArray[np.int32]

BLOCK = 65_536  # rows at a time: they stay in the cache of the processor
UPPER = 1 << 16
UPPER_BITS = 7
MINUS = 1 << 15  # the key of -0


class Scratch:
    """Arrays of one thread that are used again and again: new ones over 1 MB are paged in each time."""

    def __init__(self) -> None:
        self.f32 = np.empty(BLOCK, np.float32)
        self.i32 = np.empty(BLOCK, np.int32)
        self._kept: dict[str, NDArray[np.int64]] = {}

    def ints(self, name: str, n: int) -> Ints:
        """An array of n entries with anything in it."""
        have = self._kept.get(name)
        if have is None or len(have) < n:
            have = self._kept[name] = np.empty(n + n // 8, np.int64)
        return have[:n]

    def floats(self, name: str, n: int) -> Floats:
        """As `ints`."""
        return self.ints(name, n).view(np.float64)

    def cells(self, name: str, n: int) -> Int32s:
        """As `ints`."""
        return self.ints(name, (n + 1) // 2).view(np.int32)[:n]


@dataclass(frozen=True)
class Grid:
    """Resolution of one field."""

    mantissa: int
    offset: int = 0
    low: int = 0
    span: int = 0

    @staticmethod
    def of(field: FieldSpec) -> "Grid":
        """The grid of a field."""
        wide = field.high_cell - field.low_cell
        span = wide + 1 if field.mantissa > UPPER_BITS and wide > 0 else 0
        return Grid(field.mantissa, field.offset, field.low_cell, span)

    @property
    def fine(self) -> bool:
        """Finer than a bfloat16."""
        return self.mantissa > UPPER_BITS

    @property
    def size(self) -> int:
        """Keys are in [0, size); of a fine grid the first and the last are of values outside."""
        return self.span + 2 if self.fine else UPPER

    def keys(self, x: Floats, out: Ints, cells: Int32s | None, scratch: Scratch) -> None:
        """Keys of at most BLOCK finite values; of a fine grid their cells too."""
        f32 = scratch.f32[: len(x)]
        if self.offset:
            x = np.ldexp(x, self.offset)
        np.copyto(f32, x, casting="same_kind")
        if cells is None:
            np.copyto(out, f32.view(np.uint16)[1::2])  # little endian: the second is the upper half
            return
        # For x < 0 all bits but the sign are turned over: then a shift gives the mirrored cell.
        bits, sign = f32.view(np.int32), scratch.i32[: len(x)]
        np.right_shift(bits, 31, out=sign)
        np.bitwise_and(sign, 0x7FFFFFFF, out=sign)
        np.bitwise_xor(bits, sign, out=cells)
        np.right_shift(cells, BITS - self.mantissa, out=cells)
        np.subtract(cells, self.low - 1, out=sign)
        np.clip(sign, 0, self.span + 1, out=sign)
        np.copyto(out, sign)

    def cells(self, table: Ints) -> tuple[Ints, Ints]:
        """Of rows by key: the keys inside that occur and their cells, ascending; -0 has been added to 0."""
        if self.fine:
            table[0] = table[-1] = 0
            minus = -self.low  # the key of cell -1: values that are too small to differ from 0
            if 0 < minus < self.span:
                table[minus + 1] += table[minus]
                table[minus] = 0
            found = np.flatnonzero(table)
            return found, found + (self.low - 1)
        table[0] += table[MINUS]
        table[MINUS] = 0
        found = np.flatnonzero(table)
        positive = int(np.searchsorted(found, MINUS))
        found = np.concatenate([found[positive:][::-1], found[:positive]])
        return found, CELL[found]


@dataclass(frozen=True)
class Counted:
    """Finite values of a piece by cell.

    Parameters
    ----------
    grid : of the field
    found : keys inside that occur, in the order of their cells
    inside, low, high : cells of those, and of the values below and above
    counts : rows of low, inside and high, one after the other

    """

    grid: Grid
    found: Ints
    inside: Ints
    low: Ints
    high: Ints
    counts: Ints

    @staticmethod
    def of(grid: Grid, keys: Ints, cells: Int32s | None) -> "Counted":
        """Count keys."""
        table = np.bincount(keys, minlength=grid.size)
        none = np.zeros(0, np.int64)
        far, many = none, none
        if cells is not None and (outside := table[0] + table[-1]):
            beyond = cells if outside == len(keys) else cells[(keys == 0) | (keys == grid.size - 1)]
            far, many = _merged(*runs(beyond))
        found, inside = grid.cells(table)
        at = int(np.searchsorted(far, grid.low)) if grid.span else 0
        counts = np.concatenate([many[:at], table[found], many[at:]])
        return Counted(grid, found, inside, far[:at], far[at:], counts)

    @cached_property
    def cells(self) -> Ints:
        """Different cells, ascending, at the bits of the field; finer than a bfloat16 or as one."""
        return np.concatenate([self.low, self.inside, self.high])

    def own(self, *, coarse: bool) -> tuple[Ints, Ints]:
        """Cells, ascending, and their counts."""
        bits = self.bits(coarse=coarse)
        return _merged(self.cells >> bits, self.counts) if bits else (self.cells, self.counts)

    def bits(self, *, coarse: bool) -> int:
        """Bits that these cells lose."""
        have = max(self.grid.mantissa, UPPER_BITS)
        return have - min(self.grid.mantissa, WHOLE_M if coarse else self.grid.mantissa)

    def table(
        self, code: Ints, keys: Ints, cells: Int32s | None, groups: int, scratch: Scratch, *, coarse: bool
    ) -> tuple[Ints, Ints, Ints]:
        """Some of the values by group and cell: group, cell and count, in this order."""
        bits = self.bits(coarse=coarse)
        own, place = _places(self.cells >> bits)
        to = np.empty(self.grid.size, np.int64)
        to[self.found] = place[len(self.low) : len(self.low) + len(self.found)]
        minus = -self.grid.low if self.grid.fine else MINUS
        if 0 < minus < self.grid.size:  # -0 is 0
            to[minus] = to[minus + 1 if self.grid.fine else 0]
        at = scratch.ints("places", len(keys))
        np.take(to, keys, out=at, mode="clip")
        if cells is not None and len(self.low) + len(self.high):
            beyond = (keys == 0) | (keys == self.grid.size - 1)
            mine = cells[beyond] >> bits
            at[beyond] = np.searchsorted(own, np.where(mine == -1, 0, mine))
        group, key, count = pairs(code, at, groups, len(own), scratch.ints("pairs", len(keys)))
        return group, own[key], count


def _places(cells: Ints) -> tuple[Ints, Ints]:
    """Different ones of ascending cells, and the position of each; -1 is 0."""
    cells = np.where(cells == -1, 0, cells)
    new = np.ones(len(cells), bool)
    np.not_equal(cells[1:], cells[:-1], out=new[1:])
    return cells[new], np.cumsum(new) - 1


def _merged(cells: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Counts of equal ones of ascending cells together."""
    own, place = _places(cells)
    return own, np.bincount(place, counts, len(own)).astype(np.int64)


CELL = signed(np.arange(UPPER), UPPER_BITS).astype(np.int64)  # of each key of a bfloat16
