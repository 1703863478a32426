"""Season: the pattern of the day and the week in many series, and which of the patterns a series has."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.ordered import median, middle, spread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NONE, DAY, DAY_AND_WEEKDAY, WEEK = range(4)
NAMES = ("none", "hour of day", "hour of day + weekday", "hour of week")
PERIOD = {DAY: 1, DAY_AND_WEEKDAY: 7, WEEK: 7}  # days of a cycle
CYCLES = 3  # of them must have been seen
MOST_SLOTS = 48  # a day
FOLDS = 4
BETTER = 0.98  # a richer pattern must win by 2 %
FEWEST = 10  # windows that a score needs


@dataclass(frozen=True)
class Calendar:
    """Where each window lies in the day and the week, by wall-clock time.

    Parameters
    ----------
    slot : (N,) slot of the day, 0 to `slots` - 1; a doubled hour of daylight saving has one slot twice
    day : (N,) number of the day; day % 7 is the weekday
    slots : of a day, at most 48
    per_day : windows in a day, 1 or less where windows are days or longer

    """

    slot: Ints
    day: Ints
    slots: int
    per_day: float

    def part(self, first: int, stop: int) -> "Calendar":
        """The windows `first` to `stop` - 1."""
        return Calendar(self.slot[first:stop], self.day[first:stop], self.slots, self.per_day)

    def at(self, which: Ints) -> "Calendar":
        """Some of the windows."""
        return Calendar(self.slot[which], self.day[which], self.slots, self.per_day)

    @property
    def of_week(self) -> Ints:
        """(N,) slot of the week, 0 to 7 slots - 1."""
        return self.day % 7 * self.slots + self.slot

    @property
    def of_hour(self) -> Ints:
        """(N,) the slot of the day in at most 24 a day."""
        return self.slot * 24 // self.slots if self.slots > 24 else self.slot


def regular(windows: int, per_day: float) -> Calendar:
    """The calendar of windows of equal length from a midnight on; `per_day` a whole number where above 1."""
    number = np.arange(windows)
    if per_day <= 1:
        return Calendar(np.zeros(windows, np.int64), number, 1, per_day)
    day = round(per_day)
    group = max(int(per_day // MOST_SLOTS), 1)
    slots = round(per_day / group)
    return Calendar(number // group % slots, number // day, slots, per_day)


def of_times(starts: list[datetime], per_day: float) -> Calendar:
    """The calendar of windows that start at these local times."""
    day = np.array([t.toordinal() - 1 for t in starts], np.int64)  # day 0 is a Monday
    if per_day <= 1:
        return Calendar(np.zeros(len(starts), np.int64), day, 1, per_day)
    slots = int(min(round(per_day), MOST_SLOTS))
    seconds = np.array([t.hour * 3600 + t.minute * 60 + t.second for t in starts], np.int64)
    return Calendar(seconds * slots // 86_400, day, slots, per_day)


def choose(r: Floats, calendar: Calendar) -> Ints:
    """The pattern of each series that leaves the smallest surprises in cycles it was not fitted on.

    One cycle is left out at a time, in at most four folds. The score is the geometric mean of the one-step
    surprise and of the deviation: the surprise alone would hide a missing weekend pattern behind the short
    memory.

    Parameters
    ----------
    r : (S, L) deviations from the level, NaN not to be learnt from
    calendar : of the L windows

    Returns
    -------
    (S,) NONE, DAY, DAY_AND_WEEKDAY or WEEK

    """
    best, kind = _score(r), np.full(len(r), NONE)
    for candidate, days in PERIOD.items():
        cycles = r.shape[1] / (calendar.per_day * days)
        if not _offered(candidate, calendar, cycles):
            continue
        folds = int(min(FOLDS, round(cycles)))
        fold = calendar.day // days % folds
        rest = np.empty(r.shape)
        for left_out in range(folds):
            out, kept = np.flatnonzero(fold == left_out), np.flatnonzero(fold != left_out)
            table = pattern(r[:, kept], calendar.at(kept), candidate)
            rest[:, out] = r[:, out] - table[:, calendar.of_week[out]]
        score = _score(rest)
        better = score < BETTER * best
        best = np.where(better, score, best)
        kind[better] = candidate
    return kind


def _offered(kind: int, calendar: Calendar, cycles: float) -> bool:
    if cycles < CYCLES * BETTER:
        return False
    if calendar.per_day <= 1:
        return kind == WEEK and calendar.per_day == 1
    return kind != DAY_AND_WEEKDAY or calendar.per_day >= 2


def pattern(r: Floats, calendar: Calendar, kind: int) -> Floats:
    """The season of each series as a table of the week.

    Parameters
    ----------
    r : (S, L) deviations from the level, NaN not to be learnt from
    calendar : of the L windows
    kind : NONE, DAY, DAY_AND_WEEKDAY or WEEK

    Returns
    -------
    (S, 7 slots) by slot of the week: medians of the slot's windows, a slot without any the median of the rest

    """
    n = calendar.slots
    if kind == NONE:
        return np.zeros((len(r), 7 * n))
    if kind == WEEK:
        return _table(r, calendar, calendar.of_week, 7 * n)
    daily = _table(r, calendar, calendar.slot, n)
    if kind == DAY:
        return np.tile(daily, 7)
    rest = r - daily[:, calendar.slot]
    weekday = np.nan_to_num(_medians(rest, calendar.day % 7, 7))
    return np.tile(daily, 7) + np.repeat(weekday, n, axis=1)


def patterns(r: Floats, calendar: Calendar, kinds: Ints) -> Floats:
    """`pattern` with a kind for each series."""
    out = np.zeros((len(r), 7 * calendar.slots))
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        out[rows] = pattern(r[rows] if len(rows) < len(r) else r, calendar, int(kind))
    return out


def _table(r: Floats, calendar: Calendar, key: Ints, size: int) -> Floats:
    if calendar.per_day > calendar.slots:  # many windows a slot: the medians are of the slot's means
        r, key = _occurrences(r, calendar, key)
    table = _medians(r, key, size)
    gaps = np.isnan(table)
    if gaps.any():
        table = np.where(gaps, np.nan_to_num(median(table))[:, None], table)
    return table


def _occurrences(r: Floats, calendar: Calendar, key: Ints) -> tuple[Floats, Ints]:
    run = np.flatnonzero(np.diff(calendar.day * calendar.slots + calendar.slot, prepend=-1))
    there = ~np.isnan(r)
    count = np.add.reduceat(there, run, axis=1, dtype=np.int64)
    total = np.add.reduceat(np.where(there, r, 0), run, axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan), key[run]


def _medians(r: Floats, key: Ints, size: int) -> Floats:
    """Median by key: (S, L), (L,) → (S, size), NaN where nothing is there."""
    order = np.argsort(key, kind="stable")
    count = np.bincount(key, minlength=size)
    deepest = max(int(count.max(initial=0)), 1)
    if (count == deepest).all():
        table = np.sort(r[:, order].reshape(len(r), size, deepest), axis=2)
        if not np.isnan(table[:, :, -1]).any():  # NaN is sorted behind
            return np.asarray((table[:, :, (deepest - 1) // 2] + table[:, :, deepest // 2]) / 2)
    else:
        rank = np.arange(len(key)) - np.repeat(np.cumsum(count) - count, count)
        table = np.full((len(r), size * deepest), np.nan)
        table[:, key[order] * deepest + rank] = r[:, order]
        table = np.sort(table.reshape(len(r), size, deepest), axis=2)
    return middle(table, deepest - np.count_nonzero(np.isnan(table), axis=2))


def _score(d: Floats) -> Floats:
    there = ~np.isnan(d)
    n = there.sum(axis=1)
    centre = median(d)
    z = np.where(there, d - np.nan_to_num(centre)[:, None], 0)
    limit = 3 * (np.nan_to_num(spread(d, centre)) + 1e-12)[:, None]
    z = np.clip(z, -limit, limit)
    squares = np.maximum((z * z).sum(axis=1), 1e-300)
    follow = np.clip((z[:, 1:] * z[:, :-1]).sum(axis=1) / squares, 0, 0.98)
    step = np.abs(z[:, 1:] - follow[:, None] * z[:, :-1]) * there[:, 1:]
    surprise = step.sum(axis=1) / np.maximum(there[:, 1:].sum(axis=1), 1)
    score = np.sqrt(surprise * np.abs(z).sum(axis=1) / np.maximum(n, 1))
    return np.asarray(np.where(n < FEWEST, np.inf, score))
