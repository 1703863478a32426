"""Quantiles of many windows at ranks of their own."""

import numpy as np

from mlops_cli.metrics.matrix import Floats, Matrix
from mlops_cli.stats.cells import support


def at_ranks(matrix: Matrix, rows: Floats, ranks: Floats) -> Floats:
    """Value of the row with this number, counted from 0, as `stats.cells.quantile` has it.

    Parameters
    ----------
    matrix : its cells
    rows : (W, K) counts over them
    ranks : (W, Q), fractions allowed

    Returns
    -------
    (W, Q), NaN where a window has no row

    """
    out = np.full(ranks.shape, np.nan)
    total = np.cumsum(rows, axis=1)
    some = np.flatnonzero(total[:, -1] > 0) if rows.shape[1] else np.zeros(0, np.int64)
    if not len(some):
        return out
    # Windows end to end, each lifted above the one before: one search for all.
    lift = np.concatenate([[0.0], np.cumsum(total[some, -1] + 1)[:-1]])
    at = np.minimum(ranks[some] + 0.5, total[some, -1][:, None])
    flat = (total[some] + lift[:, None]).ravel()
    start = np.arange(len(some))[:, None] * rows.shape[1]
    cell = np.searchsorted(flat, at + lift[:, None]) - start
    held = rows[some[:, None], cell]
    first, last = support(matrix.low, matrix.high, integral=matrix.integral)
    if matrix.integral:
        last = first
    width = np.where(np.isfinite(last - first), last - first, 0.0)
    inside = (at - (total[some[:, None], cell] - held)) / held
    base = np.where(np.isfinite(first), first, last)
    out[some] = base[cell] + width[cell] * np.clip(inside, 0, 1)
    return out
