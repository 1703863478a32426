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
from mlops_cli.stats.cells import BITS, coarsen, signed

Floats = NDArray[np.float64]
Int32s = NDArray[np.int32]

BLOCK = 65_536  # rows at a time: they stay in the cache of the processor
UPPER = 1 << 16
UPPER_BITS = 7


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

    def cells(self, keys: Ints) -> Ints:
        """Cells of keys inside, several of which may be one cell: -0 is 0."""
        if self.fine:
            out = keys + (self.low - 1)
            return np.where(out == -1, 0, out)
        return coarsen(signed(keys, UPPER_BITS), UPPER_BITS - self.mantissa).astype(np.int64)


@dataclass(frozen=True)
class Counted:
    """Finite values of a piece by cell.

    Parameters
    ----------
    grid : of the field
    keys : (p,) key of each value
    cells : (p,) cell of each value of a fine grid
    found, counts : the keys inside that occur, and how often
    far, far_counts : cells of the values outside, and how often they occur

    """

    grid: Grid
    found: Ints
    counts: Ints
    far: Ints
    far_counts: Ints

    @staticmethod
    def of(grid: Grid, keys: Ints, cells: Int32s | None) -> "Counted":
        """Count keys."""
        table = np.bincount(keys, minlength=grid.size)
        far, far_counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
        if cells is not None:
            outside = table[0] + table[-1]
            table[0] = table[-1] = 0
            if outside:
                beyond = cells if outside == len(keys) else cells[(keys == 0) | (keys == grid.size - 1)]
                far, far_counts = runs(beyond)
                far, far_counts = _added(np.where(far == -1, 0, far), far_counts)
        found = np.flatnonzero(table)
        return Counted(grid, found, table[found], far, far_counts)

    @cached_property
    def own(self) -> tuple[Ints, Ints]:
        """Different cells, ascending, and their counts."""
        cells = np.concatenate([self.grid.cells(self.found), self.far])
        return _added(cells, np.concatenate([self.counts, self.far_counts]))

    def coarse(self) -> tuple[Ints, Ints]:
        """As `own`, of segments."""
        cells, counts = self.own
        return _added(coarsen(cells, max(self.grid.mantissa - WHOLE_M, 0)).astype(np.int64), counts)

    def places(self, *, coarse: bool) -> "Places":
        """The cells of a partition of these values."""
        bits = max(self.grid.mantissa - WHOLE_M, 0) if coarse else 0
        inside, outside = coarsen(self.grid.cells(self.found), bits), coarsen(self.far, bits)
        cells = np.unique(np.concatenate([inside, outside])).astype(np.int64)
        to = np.empty(self.grid.size, np.int64)
        to[self.found] = np.searchsorted(cells, inside)
        return Places(self.grid, cells, to, bits, bool(len(outside)))


@dataclass(frozen=True)
class Places:
    """Position of each key's cell among the cells that occur; keys that do not occur have any."""

    grid: Grid
    cells: Ints
    to: Ints
    bits: int
    far: bool

    def table(self, code: Ints, keys: Ints, cells: Int32s | None, groups: int) -> tuple[Ints, Ints, Ints]:
        """Values by group and cell: group, cell and count, in this order."""
        if self.far and cells is not None:
            beyond = (keys == 0) | (keys == self.grid.size - 1)
            at = np.take(self.to, keys, mode="clip")
            own = coarsen(np.where(cells[beyond] == -1, 0, cells[beyond]), self.bits)
            at[beyond] = np.searchsorted(self.cells, own)
        else:
            at = np.take(self.to, keys, mode="clip")
        group, place, count = pairs(code, at, groups, len(self.cells))
        return group, self.cells[place], count


def _added(cells: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Counts of equal cells together, cells ascending."""
    different, inverse = np.unique(cells, return_inverse=True)
    if len(different) == len(cells):
        order = np.argsort(cells, kind="stable")
        return cells[order], counts[order]
    total = np.zeros(len(different), np.int64)
    np.add.at(total, inverse, counts)
    return different, total
