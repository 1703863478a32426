"""Pool: the largest past surprises of many series, kept so that a year of them is never sorted again."""

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.tail import exceedances

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Pool:
    """Absolute surprises by window, and the largest of the last year in descending order.

    Parameters
    ----------
    series, windows : how many
    year : windows that are remembered

    """

    def __init__(self, series: int, windows: int, year: int) -> None:
        self.size = np.full((series, windows), np.nan)
        self.year = year
        self.kept = int(max(exceedances(np.array([year]))[0], 0)) + 64
        self.top = np.full((series, 0), np.nan)
        self.when = np.zeros((series, 0), np.int64)
        self.count = np.zeros(series, np.int64)
        self.until = 0
        self.stale = np.zeros(series, bool)

    def forget(self, series: int, window: int) -> None:
        """A surprise that turned out to be an incident's first window."""
        if not np.isnan(self.size[series, window]):
            self.size[series, window] = np.nan
            self.stale[series] = True

    def largest(self, until: int) -> tuple[Floats, Ints]:
        """The largest of the year before `until`, (S, K) descending and NaN behind; the counts, (S,)."""
        first, before = max(0, until - self.year), max(0, self.until - self.year)
        new = self.size[:, self.until : until]
        when = np.broadcast_to(np.arange(self.until, until), new.shape)
        self.count += np.count_nonzero(~np.isnan(new), axis=1)
        self.count -= np.count_nonzero(~np.isnan(self.size[:, before:first]), axis=1)
        self.until = until
        top = np.concatenate([self.top, new], axis=1)
        when = np.concatenate([self.when, when], axis=1)
        if first:
            top[when < first] = np.nan
        order = np.argsort(-top, axis=1)[:, : self.kept]  # NaN behind
        self.top = np.take_along_axis(top, order, axis=1)
        self.when = np.take_along_axis(when, order, axis=1)
        there = self.top.shape[1] - np.count_nonzero(np.isnan(self.top), axis=1)
        wanted = np.minimum(exceedances(np.maximum(self.count, 1)) + 2, self.count)
        self._rebuild(np.flatnonzero(self.stale | (there < wanted)), first)
        return self.top, self.count

    def _rebuild(self, series: Ints, first: int) -> None:
        for s in series:
            own = self.size[s, first : self.until]
            order = np.argsort(-own)[: self.top.shape[1]]
            self.top[s], self.when[s] = np.nan, -1
            self.top[s, : len(order)] = own[order]
            self.when[s, : len(order)] = order + first
            self.count[s] = np.count_nonzero(~np.isnan(own))
        self.stale[series] = False
