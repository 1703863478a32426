"""Tables of many profiles as one: a group that only one of them has is moved, the others are added up.

Files of different days share no group, so most of a year is moved: 20 times as quick as adding it up.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def stack(
    tables: Sequence[pl.DataFrame],
    maps: Sequence[Ints],
    key: Sequence[str],
    sums: Sequence[pl.Expr],
) -> tuple[pl.DataFrame, bool]:
    """All rows with their common groups, sorted by key.

    Parameters
    ----------
    tables : of equal columns, each sorted by its key and without equal keys
    maps : for each table the common number of each of its groups, ascending or not, several may be equal
    key : `group` and the columns that follow it
    sums : how rows of equal keys are added, in the order of the tables

    Returns
    -------
    table, whether any rows were added up

    """
    there = [i for i, table in enumerate(tables) if table.height]
    if not there:
        return tables[0], False
    own = [tables[i]["group"].to_numpy() for i in there]
    starts, sizes = _runs(np.concatenate(own), np.cumsum([len(g) for g in own])[:-1])
    group = np.concatenate([maps[i][g] for i, g in zip(there, own, strict=True)])
    table = pl.concat([tables[i] for i in there], rechunk=True)
    table = table.with_columns(pl.Series("group", group.astype(np.uint32)))
    once = np.bincount(group[starts])[group[starts]] == 1
    if once.all():
        return _ordered(table, group, starts, sizes), False
    alone = table[_rows(starts[once], sizes[once])]
    several = table[_rows(starts[~once], sizes[~once])]
    added = several.group_by(key, maintain_order=True).agg(sums).select(table.columns).sort(key)
    both = pl.concat([alone, added], rechunk=True)
    group = both["group"].to_numpy()
    return _ordered(both, group, *_runs(group, np.array([alone.height]))), True


def _runs(group: NDArray[np.integer[Any]], bounds: Ints) -> tuple[Ints, Ints]:
    """Starts and sizes of the runs of equal groups within each table; `bounds` are where tables begin."""
    new = np.flatnonzero(np.diff(group)) + 1
    starts = np.union1d(np.union1d([0], new), bounds[bounds < len(group)])
    return starts, np.diff(np.append(starts, len(group)))


def _ordered(table: pl.DataFrame, group: NDArray[np.integer[Any]], starts: Ints, sizes: Ints) -> pl.DataFrame:
    """The runs in the order of their groups; as it is where they are."""
    first = group[starts]
    if bool((first[1:] >= first[:-1]).all()):
        return table
    order = np.argsort(first, kind="stable")
    return table[_rows(starts[order], sizes[order])]


def _rows(starts: Ints, sizes: Ints) -> Ints:
    """Positions of the rows of runs, one run after the other."""
    before = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return np.repeat(starts - before, sizes) + np.arange(sizes.sum())
