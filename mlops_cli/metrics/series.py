"""Metrics of whole distributions: one call a series and field, all its windows at once."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.metrics.matrix import Matrix
from mlops_cli.metrics.tables import Tables

Floats = NDArray[np.float64]
Answer = Mapping[str, Floats | float | str | None]  # column → (W,), or one for all windows
Take = Callable[[Matrix, int, int], Answer]  # matrix, field, sid → columns


def by_series(tables: Tables, ids: Sequence[int], names: Sequence[str], take: Take) -> pl.DataFrame:
    """The grid of these fields with the columns that `take` gives.

    Parameters
    ----------
    tables : counts
    ids : fields
    names : of the columns, all of which every answer has; those called `why` and `note` are texts

    """
    grid = tables.of(ids)
    pairs = grid.select("sid", "field").unique(maintain_order=True)
    answers = [take(tables.matrix(field, sid), field, sid) for sid, field in pairs.iter_rows()]
    windows = len(tables.windows)
    return grid.with_columns(_column(name, [a[name] for a in answers], windows) for name in names)


def _column(name: str, parts: Sequence[Floats | float | str | None], windows: int) -> pl.Series:
    if name in {"why", "note"}:
        return pl.Series(name, [p for p in parts for _ in range(windows)], pl.String)
    filled = [np.broadcast_to(np.asarray(np.nan if p is None else p, np.float64), (windows,)) for p in parts]
    whole = np.concatenate(filled) if filled else np.zeros(0)
    return pl.Series(name, whole, pl.Float64)
