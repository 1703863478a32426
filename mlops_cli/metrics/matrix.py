"""Matrix: rows of one field by window and cell, or by window and value, beside those of the baseline."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.stats.cells import coarsen, edges

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DENSE = 4_000_000  # span of cells up to which they are counted by position instead of sorted


@dataclass(frozen=True)
class Matrix:
    """Counts over the cells (ascending) or values (sorted) that either side has.

    Parameters
    ----------
    current : (W, K) rows of each window
    reference : (K,) rows of the baseline, all 0 where it has none
    low, high : (K,) edges of the cells; NaN for categories
    cells : (K,) cell numbers; positions for categories
    other : (W,) rows of values beyond the cap (not in `current`)
    reference_other, cut : the same of the baseline, and the most rows that one such value can have there
    known : the baseline has the field
    integral : the values are whole numbers
    names : (K,) the values of categories; None for numbers

    """

    current: Floats
    reference: Floats
    low: Floats
    high: Floats
    cells: Ints
    other: Floats
    reference_other: float = 0.0
    cut: float = 0.0
    known: bool = True
    integral: bool = False
    names: pl.Series | None = None


class Runs:
    """Where the rows of each (field, series) lie in a table of the profile."""

    def __init__(self, table: pl.DataFrame, sid: Ints, w: Ints) -> None:
        table = table.rechunk()  # or every look at a column copies it
        self.table = table
        group, field = table["group"].to_numpy(), table["field"].to_numpy()
        change = (np.diff(group) != 0) | (np.diff(field) != 0) if len(group) else np.zeros(0, bool)
        starts = np.flatnonzero(np.concatenate([[True], change])) if len(group) else np.zeros(0, np.int64)
        stops = np.append(starts[1:], len(group))[: len(starts)]  # an empty table has no run
        self._where: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        of, at = sid[group[starts]].tolist(), w[group[starts]].tolist()
        for f, s, k, a, b in zip(
            field[starts].tolist(), of, at, starts.tolist(), stops.tolist(), strict=True
        ):
            if s >= 0:
                self._where.setdefault((f, s), []).append((k, a, b))

    def of(self, field: int, sid: int) -> "Part":
        """The rows of one field and series."""
        return Part(self.table, self._where.get((field, sid), []))


class Part:
    """Slices of a table, with the window of each row."""

    def __init__(self, table: pl.DataFrame, slices: list[tuple[int, int, int]]) -> None:
        self.table = table
        self.slices = slices

    def column(self, name: str) -> pl.Series:
        """One column, all slices after each other."""
        whole = self.table[name]
        parts = [whole[a:b] for _, a, b in self.slices]
        return pl.concat(parts) if parts else whole.clear()

    def numbers(self, name: str) -> NDArray[np.int64]:
        """One whole-number column."""
        whole = self.table[name].to_numpy()
        parts = [whole[a:b] for _, a, b in self.slices]
        return (np.concatenate(parts) if parts else whole[:0]).astype(np.int64)

    @cached_property
    def windows(self) -> Ints:
        """Window of each row."""
        return np.repeat(
            np.array([w for w, _, _ in self.slices], np.int64),
            np.array([b - a for _, a, b in self.slices], np.int64),
        )


def numbers(
    mine: Part,
    theirs: Part | None,
    mantissa: tuple[int, int | None],
    shape: tuple[int, int],
    *,
    integral: bool,
) -> Matrix:
    """Matrix of cells, both sides brought to the coarser resolution.

    Parameters
    ----------
    mine, theirs : rows of CELLS
    mantissa : bits of the cells of either side
    shape : number of windows, log2 of the field's scale
    integral : the field holds whole numbers

    """
    bits = min(b for b in mantissa if b is not None)
    a = _coarse(mine.numbers("cell"), mantissa[0] or 0, bits)
    b = _coarse(theirs.numbers("cell"), mantissa[1] or 0, bits) if theirs else np.zeros(0, np.int64)
    cells, at_a, at_b = _positions(a, b)
    windows, offset = shape
    k = len(cells)
    flat = np.bincount(mine.windows * k + at_a, mine.numbers("count"), windows * k)
    reference = np.bincount(at_b, theirs.numbers("count") if theirs else np.zeros(0), k)
    low, high = edges(cells, bits, offset)
    return Matrix(
        flat.reshape(windows, k).astype(np.float64),
        reference.astype(np.float64),
        low,
        high,
        cells,
        np.zeros(windows),
        known=theirs is not None and len(b) > 0,
        integral=integral,
    )


def categories(mine: Part, theirs: Part | None, windows: int) -> Matrix:
    """Matrix of named values; what lies beyond the cap is apart."""
    both = [mine.column("value"), *([theirs.column("value")] if theirs else [])]
    words = pl.concat(both)
    order = words.drop_nulls().unique().sort()
    codes = words.cast(pl.Enum(order)).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
    a, b = codes[: len(mine.windows)], codes[len(mine.windows) :]
    k = len(order)
    count_a = mine.numbers("count")
    count_b = theirs.numbers("count") if theirs else np.zeros(0, np.int64)
    named_a, named_b = a >= 0, b >= 0
    flat = np.bincount(mine.windows[named_a] * k + a[named_a], count_a[named_a], windows * k)
    none = np.full(k, np.nan)
    return Matrix(
        flat.reshape(windows, k).astype(np.float64),
        np.bincount(b[named_b], count_b[named_b], k).astype(np.float64),
        none,
        none,
        np.arange(k),
        np.bincount(mine.windows[~named_a], count_a[~named_a], windows).astype(np.float64),
        float(count_b[~named_b].sum()),
        float(theirs.numbers("cut")[~named_b].sum()) if theirs else 0.0,
        known=theirs is not None and len(b) > 0,
        names=order,
    )


def _coarse(cells: Ints, bits: int, wanted: int) -> Ints:
    return cells if bits == wanted else coarsen(cells, bits - wanted).astype(np.int64)


def _positions(a: Ints, b: Ints) -> tuple[Ints, Ints, Ints]:
    """The cells that occur, ascending, and the position of each row's cell."""
    if not len(a) + len(b):
        return np.zeros(0, np.int64), a, b
    low = min(x.min() for x in (a, b) if len(x))
    span = int(max(x.max() for x in (a, b) if len(x)) - low) + 1
    if span > DENSE:
        cells, at = np.unique(np.concatenate([a, b]), return_inverse=True)
        return cells, at[: len(a)], at[len(a) :]
    there = np.zeros(span, bool)
    there[a - low] = True
    there[b - low] = True
    rank = np.cumsum(there) - 1
    return np.flatnonzero(there) + low, rank[a - low], rank[b - low]
