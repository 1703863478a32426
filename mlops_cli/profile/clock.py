"""Times → starts of their windows, many at once."""

import numpy as np
from numpy.typing import NDArray

from mlops_cli.profile.spec import WindowSpec

Ints = NDArray[np.int64]

DAY = 86_400_000_000  # microseconds
CLOSE = 100_000  # days
YEARS = (-62_100_000_000_000_000, 253_300_000_000_000_000)  # years 2 to 9996: what a calendar can hold


def starts_of(times: Ints, window: WindowSpec) -> Ints:
    """Start of the window that holds each time, microseconds UTC; 0 where the whole log is one window.

    Parameters
    ----------
    times : (n,) microseconds UTC, within YEARS

    """
    if not window.seconds:
        return np.zeros(len(times), np.int64)
    if window.seconds % 86_400:
        size = window.seconds * 1_000_000
        return np.asarray(times // size * size)
    if not len(times):
        return times
    first, last = int(times.min()), int(times.max())
    start = window.start_of(first)
    if last < window.end_of(start):  # nearly every piece of a daily file
        return np.full(len(times), start, np.int64)
    # Starts around the days that occur: one wrong time in the year 9000 must not list all in between.
    days = (_distinct(times // DAY) * DAY).tolist()
    starts = np.unique(np.array([s for day in days for s in window.starts(day, day + DAY - 1)], np.int64))
    return starts[np.searchsorted(starts, times, side="right") - 1]


def _distinct(days: Ints) -> Ints:
    """Each once, in order; counted where they lie close together, in a third of the time of `np.unique`."""
    first = int(days.min())
    if int(days.max()) - first > CLOSE:
        return np.unique(days)
    return np.flatnonzero(np.bincount(days - first)) + first
