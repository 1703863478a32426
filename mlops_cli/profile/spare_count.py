"""A piece of rows → sparse counts by group: moments, cells, values, hashes.

Cells are the upper bits of the value's float32 (`performance.md` 1). Never `x @ x` here: OpenBLAS's threads
spin and double the CPU time of a run.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.profile.grouping import Floats, Grouping, Ints
from mlops_cli.profile.spare_pieces import Codes, Column
from mlops_cli.profile.spec import SKETCH, WHOLE_M, FieldSpec
from mlops_cli.stats.cells import coarsen, signed

SIGN, INFINITE = 0x8000, 0x7F80  # of a bfloat16


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


@dataclass(frozen=True)
class Numbers:
    """Raw keys of a piece's numbers, made once for all groupings.

    Parameters
    ----------
    upper : (rows,) upper 16 bits of the float32, in [0, 65536)
    cells : (rows,) signed cells of a finer field; None at 7 bits
    odd : there is a NaN, a null or an infinity among them

    """

    values: Floats
    upper: Ints
    cells: Ints | None
    odd: bool


def numbers(values: Floats, field: FieldSpec) -> Numbers:
    """The keys of the values of a field."""
    scaled = np.ldexp(values, field.offset) if field.offset else values
    with np.errstate(over="ignore"):
        f32 = scaled.astype(np.float32)
    upper = f32.view(np.uint16)[1::2].astype(np.int64)  # little endian: the upper half is the second
    cells = None
    if field.mantissa > 7:
        bits = f32.view(np.int32)
        shift = np.int32(23 - field.mantissa)
        if bits.size and int(bits.min()) < 0:
            size = (bits & np.int32(0x7FFFFFFF)) >> shift
            cells = np.where((bits >= 0) | (size == 0), size, ~size).astype(np.int64)
        else:
            cells = (bits >> shift).astype(np.int64)
    odd = bool(len(values)) and not bool(np.isfinite(values.sum()))
    return Numbers(values, upper, cells, odd)


def count_cells(it: Numbers, field: FieldSpec, groups: Grouping, *, coarse: bool) -> tuple[Ints, Ints, Ints]:
    """Finite values by group and signed cell.

    Parameters
    ----------
    coarse : at WHOLE_M bits, for segments; else at the field's

    Returns
    -------
    group, cell, count

    """
    if it.cells is None or coarse:
        group, key, count = groups.table(it.upper, 1 << 16)
        kept = (key & ~SIGN) < INFINITE
        group, cell, count = group[kept], signed(key[kept], 7), count[kept]
        if coarse:
            cell = coarsen(cell, 7 - WHOLE_M)
        return group, cell.astype(np.int64), count
    cells, span = it.cells, field.high_cell - field.low_cell + 1
    if span <= 1:
        return _far(it, np.arange(len(cells)), groups)
    at = cells - field.low_cell
    inside = (at >= 0) & (at < span)
    if inside.all():
        group, key, count = groups.table(at, span)
        return group, key + field.low_cell, count
    near = np.flatnonzero(inside)
    group, key, count = groups.of(near).table(at[near], span)
    far = _far(it, np.flatnonzero(~inside), groups)
    parts = zip((group, key + field.low_cell, count), far, strict=True)
    return tuple(np.concatenate(p) for p in parts)  # type: ignore[return-value]


def _far(it: Numbers, rows: Ints, groups: Grouping) -> tuple[Ints, Ints, Ints]:
    """Cells of rows outside the histogram, few as a rule; NaN and infinities have none."""
    rows = rows[(it.upper[rows] & ~SIGN) < INFINITE]
    if not len(rows):
        none = np.zeros(0, np.int64)
        return none, none, none
    assert it.cells is not None  # noqa: S101 - only finer fields come here
    cells, key = np.unique(it.cells[rows], return_inverse=True)
    group, at, count = groups.of(rows).table(key.reshape(-1).astype(np.int64), len(cells))
    return group, cells[at], count


def count_numbers(it: Numbers, column: Column, groups: Grouping) -> Moments:
    """Moments of numbers, ages or lengths."""
    nulls = groups.count(column.null)
    none = np.zeros(groups.groups, np.int64)
    x = it.values
    if not it.odd:
        low, high = groups.reduce(x, np.minimum, np.nan), groups.reduce(x, np.maximum, np.nan)
        sums = groups.reduce(x, np.add, 0.0), groups.reduce(x * x, np.add, 0.0)
        return Moments(groups.sizes, nulls, none, none, groups.count(column.empty), *sums, low, high)
    finite = np.isfinite(x)
    nans = groups.count(np.isnan(x)) - nulls
    infs = groups.count(np.isinf(x))
    y = np.where(finite, x, 0.0)
    low = groups.reduce(np.where(finite, x, np.inf), np.minimum, np.inf)
    high = groups.reduce(np.where(finite, x, -np.inf), np.maximum, -np.inf)
    none_left = ~np.isfinite(low)
    return Moments(
        groups.sizes,
        nulls,
        nans,
        infs,
        groups.count(column.empty),
        groups.reduce(y, np.add, 0.0),
        groups.reduce(y * y, np.add, 0.0),
        np.where(none_left, np.nan, low),
        np.where(none_left, np.nan, high),
    )


def count_plain(column: Column, groups: Grouping) -> Moments:
    """Moments of categories and ids: how many, null, empty."""
    none, zero = np.zeros(groups.groups, np.int64), np.zeros(groups.groups)
    unknown = np.full(groups.groups, np.nan)
    nulls, empties = groups.count(column.null), groups.count(column.empty)
    return Moments(groups.sizes, nulls, none, none, empties, zero, zero, unknown, unknown)


def count_values(codes: Codes, groups: Grouping) -> tuple[Ints, Ints, Ints]:
    """Rows by group and code; null is none of them."""
    group, key, count = groups.table(codes.codes, len(codes.names) + 1)
    kept = key < len(codes.names)
    return group[kept], key[kept], count[kept]


def smallest(hashes: NDArray[np.uint64], null: NDArray[np.bool_] | None, groups: Grouping) -> pl.DataFrame:
    """The SKETCH smallest hashes of each group: columns group, hash, count."""
    code = groups.code if groups.code is not None else np.zeros(groups.rows, np.int64)
    if null is not None:
        hashes, code = hashes[~null], code[~null]
    sizes = np.bincount(code, minlength=groups.groups)
    # Mostly four times as many as are wanted lie below this; where not, all are looked at.
    share = np.minimum(4.0 * SKETCH / np.maximum(sizes, 1), 1.0)
    limit = np.where(share < 1, share * 2.0**64, 2.0**64 - 2**12).astype(np.uint64)
    limit[share >= 1] = np.iinfo(np.uint64).max
    found = _distinct(hashes, code, hashes <= (limit[code] if groups.groups > 1 else limit[0]))
    per = np.bincount(found["group"].to_numpy(), minlength=groups.groups)
    thin = (per < SKETCH) & (share < 1)
    if thin.any():
        again = thin[code]
        found = pl.concat(
            [
                found.filter(~pl.col("group").is_in(np.flatnonzero(thin))),
                _distinct(hashes, code, again),
            ]
        )
    return keep_smallest(found, ["group"])


def _distinct(hashes: NDArray[np.uint64], code: Ints, mask: NDArray[np.bool_]) -> pl.DataFrame:
    frame = pl.DataFrame({"group": code[mask], "hash": hashes[mask]})
    return frame.group_by("group", "hash").agg(count=pl.len().cast(pl.Int64))


def keep_smallest(frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """The SKETCH smallest hashes of each key, sorted."""
    frame = frame.sort(*key, "hash")
    return frame.filter(pl.int_range(pl.len()).over(key) < SKETCH)
