"""Numbers of a piece → moments and cells by group: all rows in one pass, then the groups among them.

Never `x @ x` here: the threads of OpenBLAS spin and double the CPU time of a run.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from mlops_cli.profile.grid import BLOCK, Counted, Floats, Grid, Scratch
from mlops_cli.profile.groups import Bools, Groups, Ints


@dataclass(frozen=True)
class Moments:
    """Sums by group, (groups,) each; `low` and `high` are NaN where there is no finite value."""

    n: Ints
    nulls: Ints
    nans: Ints
    infs: Ints
    empties: Ints
    total: Floats
    squares: Floats
    low: Floats
    high: Floats

    @staticmethod
    def plain(n: Ints, nulls: Ints, nans: Ints, empties: Ints) -> "Moments":
        """Of what has no numbers."""
        zero, none = np.zeros(len(n)), np.full(len(n), np.nan)
        return Moments(n, nulls, nans, np.zeros(len(n), np.int64), empties, zero, zero, none, none)


class Numbers:
    """One column of a piece: counted as a whole when made, then by any partition of its rows.

    Parameters
    ----------
    values : Float64, with nulls
    grid : None: no cells are wanted
    quantum, quantum_sq : what the sums of a piece are rounded to: adding pieces and files is then exact
    scratch : arrays to work in; what is made here holds until the next column is

    """

    def __init__(
        self,
        values: pl.Series,
        grid: Grid | None,
        scratch: Scratch,
        quantum: float = 0.0,
        quantum_sq: float = 0.0,
    ) -> None:
        self.series, self.grid, self.scratch = values, grid, scratch
        self.quanta = quantum, quantum_sq
        self.null_count = values.null_count()
        # Seven times as quick as to_numpy() of nulls.
        self.x: Floats = (values.fill_null(np.nan) if self.null_count else values).to_numpy()
        n = len(self.x)
        self.keys = scratch.ints("keys", n)
        fine = grid is not None and grid.fine
        self.at = scratch.cells("cells", n) if fine else None
        self.nan_count = self.inf_count = self.empty_count = 0
        self.total, self.squares, self.low, self.high = 0.0, 0.0, np.inf, -np.inf
        with np.errstate(over="ignore", invalid="ignore"):
            self.finite = self._pass()
        self.nan_count -= self.null_count
        self.counted = None
        if grid is not None:
            cells = None if self.at is None else self.at[: self.finite]
            self.counted = Counted.of(grid, self.keys[: self.finite], cells)

    def _pass(self) -> int:
        """All blocks; how many values are finite."""
        done = 0
        for start in range(0, len(self.x), BLOCK):
            block = self.x[start : start + BLOCK]
            total = float(block.sum())
            if not np.isfinite(total):  # a null, a NaN or an infinity is among them
                finite = np.isfinite(block)
                nans = int(np.count_nonzero(np.isnan(block)))
                self.nan_count += nans
                self.inf_count += len(block) - int(np.count_nonzero(finite)) - nans
                block = block[finite]
                total = float(block.sum())
            if not len(block):
                continue
            self.total += total
            self.squares += float(np.einsum("i,i->", block, block))
            self.low, self.high = min(self.low, float(block.min())), max(self.high, float(block.max()))
            end = done + len(block)
            if self.grid is not None:
                cells = None if self.at is None else self.at[done:end]
                self.grid.keys(block, self.keys[done:end], cells, self.scratch)
            else:
                self.empty_count += len(block) - int(np.count_nonzero(block))
            done = end
        return done

    def by(self, groups: Groups) -> tuple[Moments, tuple[Ints, Ints, Ints]]:
        """Moments of each group; group, cell and count of its cells."""
        if groups.code is None:
            return self._whole(groups)
        with np.errstate(over="ignore", invalid="ignore"):
            part = _Part(self, groups)
            moments = part.moments()
            cells = part.table() if self.counted is not None else _none()
        if groups.rest < 0:
            return moments, cells
        return self._with_rest(moments, groups), self._rest_cells(cells, groups)

    def _whole(self, groups: Groups) -> tuple[Moments, tuple[Ints, Ints, Ints]]:
        sums = self.rounded(np.array([self.total]), np.array([self.squares]))
        ends = (self.low, self.high) if self.finite else (np.nan, np.nan)
        moments = Moments(
            np.array([len(self.x)]),
            np.array([self.null_count]),
            np.array([self.nan_count]),
            np.array([self.inf_count]),
            np.array([self.empty_count]),
            *sums,
            np.array([ends[0]]) + 0.0,
            np.array([ends[1]]) + 0.0,
        )
        if self.counted is None or not groups.size:
            return moments, _none()
        cells, counts = self.counted.own(coarse=groups.coarse)
        return moments, (np.zeros(len(cells), np.int64), cells, counts)

    def _with_rest(self, m: Moments, groups: Groups) -> Moments:
        """The largest group is what the others leave; its extremes are looked for where they are in doubt."""
        (whole, _), g = self._whole(groups), groups.rest
        # Of infinite sums there is no difference: they are made anew.
        with np.errstate(over="ignore", invalid="ignore"):
            for name in ("n", "nulls", "nans", "infs", "empties", "total", "squares"):
                mine, all_rows = getattr(m, name), getattr(whole, name)[0]
                mine[g] = all_rows - mine.sum()
            if not np.isfinite(m.total[g] + m.squares[g]):
                rows = self._rows_of(groups)
                sums = self.rounded(rows.sum(keepdims=True), (rows * rows).sum(keepdims=True))
                m.total[g], m.squares[g] = (float(k[0]) for k in sums)
            seen = np.nanmin(m.low, initial=np.inf), np.nanmax(m.high, initial=-np.inf)
        if self.low < seen[0] and self.high > seen[1]:
            m.low[g], m.high[g] = self.low + 0.0, self.high + 0.0
            return m
        rows = self._rows_of(groups)
        m.low[g], m.high[g] = (rows.min() + 0.0, rows.max() + 0.0) if len(rows) else (np.nan, np.nan)
        return m

    def _rows_of(self, groups: Groups) -> Floats:
        """Finite values of the largest group."""
        assert groups.code is not None  # noqa: S101 - there is a largest of several
        rows: Floats = self.x[groups.code == groups.rest]
        return np.asarray(rows[np.isfinite(rows)]) if self.finite < len(self.x) else rows

    def _rest_cells(self, cells: tuple[Ints, Ints, Ints], groups: Groups) -> tuple[Ints, Ints, Ints]:
        group, cell, count = cells
        if self.counted is None:
            return cells
        own, counts = self.counted.own(coarse=groups.coarse)
        left = counts.copy()
        np.subtract.at(left, np.searchsorted(own, cell), count)
        kept = np.flatnonzero(left)
        return (
            np.concatenate([group, np.full(len(kept), groups.rest)]),
            np.concatenate([cell, own[kept]]),
            np.concatenate([count, left[kept]]),
        )

    def rounded(self, total: Floats, squares: Floats) -> tuple[Floats, Floats]:
        """Sums as multiples of their quantum; -0 is 0."""
        q, q2 = self.quanta
        return (
            (np.rint(total / q) * q if q > 0 else total) + 0.0,
            (np.rint(squares / q2) * q2 if q2 > 0 else squares) + 0.0,
        )


class _Part:
    """The rows of a partition, group after group (but for its largest, where that is the rest)."""

    def __init__(self, whole: Numbers, groups: Groups) -> None:
        self.whole, self.groups, self.scratch = whole, groups, whole.scratch
        self.nulls: Ints | None = None
        self.nans: Ints | None = None
        self.infs: Ints | None = None
        order, code = groups.order, groups.ordered
        if order is None:
            x = whole.x
        else:
            x = whole.scratch.floats("ordered", len(order))
            np.take(whole.x, order, out=x, mode="clip")
        if whole.finite < len(whole.x):
            x, code = self._finite(x, code, order)
        self.x: Floats = x
        self.code: Ints = code

    def _finite(self, x: Floats, code: Ints, order: Ints | None) -> tuple[Floats, Ints]:
        """Leave out and count what is no finite number."""
        finite = np.isfinite(x)
        odd = np.flatnonzero(~finite)
        size = self.groups.size
        nan = np.isnan(x[odd])
        missing = np.bincount(code[odd[nan]], minlength=size)
        self.infs = np.bincount(code[odd[~nan]], minlength=size)
        self.nulls, self.nans = missing, np.zeros(size, np.int64)
        if self.whole.nan_count:
            null: Bools = self.whole.series.is_null().to_numpy()
            rows = odd if order is None else order[odd]
            self.nulls = np.bincount(code[odd[null[rows]]], minlength=size)
            self.nans = missing - self.nulls
        return x[finite], code[finite]

    def moments(self) -> Moments:
        size = self.groups.size
        zero = np.zeros(size, np.int64)
        counts = self.groups.counts.copy()
        if self.groups.rest >= 0:
            counts[self.groups.rest] = 0
        bounds = np.searchsorted(self.code, np.arange(size + 1))
        filled = np.flatnonzero(np.diff(bounds))
        starts = bounds[filled]
        out = [np.zeros(size), np.zeros(size), np.full(size, np.nan), np.full(size, np.nan)]
        empties = zero.copy()
        if len(filled):
            squared = self.scratch.floats("squared", len(self.x))
            np.multiply(self.x, self.x, out=squared)
            out[0][filled] = np.add.reduceat(self.x, starts)
            out[1][filled] = np.add.reduceat(squared, starts)
            out[2][filled] = np.minimum.reduceat(self.x, starts) + 0.0
            out[3][filled] = np.maximum.reduceat(self.x, starts) + 0.0
            if self.whole.empty_count:
                empties = np.bincount(self.code[self.x == 0], minlength=size)
        sums = self.whole.rounded(out[0], out[1])
        nulls, nans, infs = (zero.copy() if k is None else k for k in (self.nulls, self.nans, self.infs))
        return Moments(counts, nulls, nans, infs, empties, *sums, out[2], out[3])

    def table(self) -> tuple[Ints, Ints, Ints]:
        """Group, cell and count."""
        grid, counted = self.whole.grid, self.whole.counted
        assert grid is not None  # noqa: S101 - cells are wanted
        assert counted is not None  # noqa: S101
        n = len(self.x)
        keys = self.scratch.ints("part keys", n)
        at = self.scratch.cells("part cells", n) if grid.fine else None
        for start in range(0, n, BLOCK):
            end = min(start + BLOCK, n)
            cells = None if at is None else at[start:end]
            grid.keys(self.x[start:end], keys[start:end], cells, self.scratch)
        return counted.table(self.code, keys, at, self.groups.size, self.scratch, coarse=self.groups.coarse)


def _none() -> tuple[Ints, Ints, Ints]:
    none = np.zeros(0, np.int64)
    return none, none, none
