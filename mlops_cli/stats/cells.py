"""A value's cell: the upper bits of its float32, signed and ordered; and what counts of cells say.

A cell holds the values that share sign, exponent and the first `mantissa` bits. Cell c >= 0 is
[edge(c), edge(c + 1)), cell c < 0 the mirror image of cell ~c, so its *upper* edge belongs to it; zero and
-0 lie in cell 0. Cells are nested: with s bits less, a cell is `cell >> s` (`spec/performance.md`, 1).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Cells = NDArray[np.int32]

BITS = 23  # of the mantissa of a float32


def cells_of(x: ArrayLike, mantissa: int, offset: int = 0) -> Cells:
    """Cell of each value.

    Parameters
    ----------
    x : (...,) values, finite: NaN and infinities are for the caller to leave out (they would get cells of
        their own beyond all finite ones); beyond float32's range a value is infinite
    mantissa : bits kept, 0 to 23
    offset : values are multiplied by 2 ** offset first

    Returns
    -------
    int32 of the same shape, in the order of the values

    Examples
    --------
    >>> cells_of([-2.0, -0.0, 0.0, 1.0, 1.0039, 1.008], 7)
    array([-16385,      0,      0,  16256,  16256,  16257], dtype=int32)

    """
    values = np.asarray(x, np.float64)
    if offset:
        values = np.ldexp(values, offset)
    with np.errstate(over="ignore"):
        raw = values.astype(np.float32).view(np.uint32)
    return signed(raw >> np.uint32(BITS - mantissa), mantissa)


def signed(raw: NDArray[Any], mantissa: int) -> Cells:
    """Cells of raw keys, `float32 bits >> (23 - mantissa)` as unsigned numbers (sign bit on top).

    -0 and what is as small are folded into cell 0.

    Examples
    --------
    >>> signed(np.array([0x0000, 0x8000, 0x3F80, 0xC000], np.uint16), 7)
    array([     0,      0,  16256, -16385], dtype=int32)

    """
    key = np.asarray(raw).astype(np.int64)
    sign = 1 << (8 + mantissa)
    size = key & (sign - 1)
    return np.where((key < sign) | (size == 0), size, ~size).astype(np.int32)


def edges(cells: ArrayLike, mantissa: int, offset: int = 0) -> tuple[Floats, Floats]:
    """Lower and upper edge of each cell, in the unit of the values.

    The lower edge belongs to a cell >= 0, the upper one to a cell < 0. The last finite cell ends at
    infinity.

    Examples
    --------
    >>> edges(cells_of([1.0, -1.0], 7), 7)
    (array([ 1.       , -1.0078125]), array([ 1.0078125, -1.       ]))

    """
    cell = np.asarray(cells, np.int64)
    size = np.where(cell >= 0, cell, ~cell)
    near, far = _edge(size, mantissa, offset), _edge(size + 1, mantissa, offset)
    return np.where(cell >= 0, near, -far), np.where(cell >= 0, far, -near)


def _edge(size: NDArray[np.int64], mantissa: int, offset: int) -> Floats:
    bits = (size << (BITS - mantissa)).astype(np.uint32)
    return np.ldexp(bits.view(np.float32).astype(np.float64), -offset)


def coarsen(cells: ArrayLike, bits: int) -> Cells:
    """The cells that these lie in when `bits` bits of the mantissa are dropped."""
    out = np.asarray(cells, np.int32) >> np.int32(bits)
    return np.where(out == -1, np.int32(0), out)  # ~0: smaller than any normal number, folded as -0 is


def support(low: ArrayLike, high: ArrayLike, *, integral: bool) -> tuple[Floats, Floats]:
    """Smallest and largest value that a cell can hold.

    Of an integral field they are whole numbers, and equal where the cell holds a single one; a cell without
    a whole number keeps its edges.

    Parameters
    ----------
    low, high : (K,) edges; equal where a cell stands for a single value

    Examples
    --------
    >>> support([3.0, 256.0, -256.0], [3.03, 258.0, -255.0], integral=True)
    (array([   3.,  256., -255.]), array([   3.,  257., -255.]))

    """
    first, last = np.asarray(low, np.float64), np.asarray(high, np.float64)
    if not integral:
        return first, last
    mirrored = last <= 0  # (low, high] instead of [low, high)
    point = first == last
    lowest = np.where(mirrored, np.floor(first) + 1, np.ceil(first))
    highest = np.where(mirrored, np.floor(last), np.ceil(last) - 1)
    empty = point | (lowest > highest)
    return np.where(empty, first, lowest), np.where(empty, last, highest)


def representative(cells: ArrayLike, mantissa: int, *, integral: bool = False, offset: int = 0) -> Floats:
    """One value for each cell: its middle; of an integral field the smallest whole number in it.

    The middle is within 2 ** -(mantissa + 1) of the value, relatively.

    Examples
    --------
    >>> representative(cells_of([1.0, 300.0], 7), 7)
    array([  1.00390625, 301.        ])
    >>> representative(cells_of([-255, 3, 300], 7), 7, integral=True)
    array([-255.,    3.,  300.])

    """
    low, high = edges(cells, mantissa, offset)
    if integral:
        return support(low, high, integral=True)[0]
    finite = np.isfinite(low) & np.isfinite(high)
    with np.errstate(invalid="ignore"):
        return np.where(finite, (low + high) / 2, np.where(np.isfinite(low), low, high))


def quantile(
    counts: ArrayLike, low: ArrayLike, high: ArrayLike, q: ArrayLike, *, integral: bool = False
) -> Floats:
    """Quantiles from counts: row number q (n - 1), the rows of a cell spread evenly over it.

    Parameters
    ----------
    counts : (..., K) rows of each cell, cells in ascending order
    low, high : (K,) edges
    q : scalar or (Q,), in [0, 1]
    integral : the smallest whole number of the cell is returned, nothing is interpolated

    Returns
    -------
    (...,) or (..., Q), in the unit of the values; NaN where there is no row. Off by less than the cell.

    Raises
    ------
    ValueError
        Where q is not in [0, 1].

    Examples
    --------
    >>> quantile([[1, 2, 1], [0, 0, 0]], [0, 1, 2], [0, 1, 2], 0.5)
    array([ 1., nan])

    """
    shares = np.asarray(q, np.float64)
    if shares.size and not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"q must be in [0, 1], not {shares}")
    rows = np.asarray(counts, np.float64)
    flat = rows.reshape(-1, rows.shape[-1])
    first, last = support(low, high, integral=integral)
    if integral:
        last = first
    total = np.cumsum(flat, axis=1)
    out = np.full((len(flat), shares.size), np.nan)
    for i, cum in enumerate(total):
        if not len(cum) or cum[-1] <= 0:
            continue
        at = shares.ravel() * (cum[-1] - 1) + 0.5
        cell = np.minimum(np.searchsorted(cum, at), np.searchsorted(cum, cum[-1]))
        inside = (at - (cum[cell] - flat[i, cell])) / flat[i, cell]
        width = last[cell] - first[cell]
        moved = np.where(np.isfinite(width), width * np.clip(inside, 0, 1), 0)
        out[i] = np.where(np.isfinite(first[cell]), first[cell], last[cell]) + moved
    return out.reshape(rows.shape[:-1] + shares.shape)


def share_below(
    counts: ArrayLike, low: ArrayLike, high: ArrayLike, x: float, *, integral: bool = False
) -> Floats:
    """Share of rows below x (x itself not), linear inside a cell.

    Parameters
    ----------
    counts : (..., K) rows of each cell
    low, high : (K,) edges
    x : in the unit of the values

    Returns
    -------
    (...,) in [0, 1]; NaN where there is no row. Off by less than the share of the cell that holds x.

    Examples
    --------
    >>> share_below([1, 2, 1], [0, 1, 2], [0, 1, 2], 1.0)
    array(0.25)

    """
    return _share(counts, _below(low, high, x, integral=integral))


def share_above(
    counts: ArrayLike, low: ArrayLike, high: ArrayLike, x: float, *, integral: bool = False
) -> Floats:
    """Share of rows above x (x itself not), linear inside a cell; as `share_below`.

    Examples
    --------
    >>> share_above([1, 2, 1], [0, 1, 2], [0, 1, 2], 1.0)
    array(0.25)
    >>> share_above([10], [1.0], [2.0], 1.25)
    array(0.75)

    """
    first, last = np.asarray(low, np.float64), np.asarray(high, np.float64)
    return _share(counts, _below(-last, -first, -x, integral=integral))


def _below(low: ArrayLike, high: ArrayLike, x: float, *, integral: bool) -> Floats:
    """Part of each cell that lies below x."""
    first, last = support(low, high, integral=integral)
    if integral:  # whole numbers lie evenly over [first, last]: those below x, of all of them
        inside = (np.ceil(x) - first) / np.maximum(last - first + 1, 1)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = (x - first) / (last - first)
    return np.where(last < x, 1.0, np.where(first >= x, 0.0, np.clip(np.nan_to_num(inside), 0, 1)))


def _share(counts: ArrayLike, part: Floats) -> Floats:
    rows = np.asarray(counts, np.float64)
    total = rows.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((rows * part).sum(axis=-1) / total)
