"""Watched: what a watch is told (Promise, Batch), what it remembers between blocks (State), what it saw."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.accumulate import SIZES
from mlops_cli.stats.episode import Episode
from mlops_cli.stats.fits import Fits
from mlops_cli.stats.pool import Pool
from mlops_cli.stats.season import Calendar

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

OK, UNKNOWN, WARNING, ALARM = range(4)
DAYS = 365.25


@dataclass(frozen=True)
class Promise:
    """How often a series may cry wolf, and how long it remembers.

    Parameters
    ----------
    per_day : windows a day
    years : of windows in which one false alarm is allowed
    warn_ratio : warnings may come so many times as often
    memory, lag : windows of history, and how old the line of the drift eye is
    warmup : windows before the first judgement
    block : windows between two fits
    lag_share : the old line is no older than this share of what was seen
    steady : windows after which an open incident is a shift

    """

    per_day: float
    years: float = 1.0
    warn_ratio: float = 12.0
    memory: int = 84
    lag: int = 28
    warmup: int = 21
    block: int = 2
    lag_share: float = 0.25
    steady: int = 7

    @property
    def windows(self) -> float:
        """Of the promise."""
        return DAYS * self.per_day * self.years

    @property
    def alarm(self) -> float:
        """Chance of one window that the jump eye may spend on an alarm."""
        return 0.5 / self.windows

    @property
    def least_calm(self) -> int:
        """Windows after which an incident may clear."""
        return int(max(3, self.per_day / 8)) if self.per_day > 2 else 3


def promise(per_day: float, years: float = 1.0, warn_ratio: float = 12.0, warmup: int = 0) -> Promise:
    """The promise with the defaults for this length of windows.

    Parameters
    ----------
    per_day : windows a day
    years : of windows in which a series may alarm falsely once
    warn_ratio : warnings may come so many times as often
    warmup : windows before the first judgement; 0 is two days, at least 24 windows; of daily ones 21

    """
    if per_day <= 2:
        return Promise(per_day, years, warn_ratio, warmup=warmup or 21)
    day = int(per_day)
    warm = warmup or max(2 * day, 24)
    return Promise(per_day, years, warn_ratio, 28 * day, 14 * day, warm, day, steady=7 * day)


@dataclass(frozen=True)
class Batch:
    """Series of one kind over the same windows.

    Parameters
    ----------
    y, sampling : (S, N) values on their additive scale, NaN missing, and their sampling variances
    calendar : of the N windows
    min_effect : level (R,) and numbers (R,) of series → smallest change that matters there, on the additive
        scale; 0: any
    side : (S,) the side that is bad: 1 up, -1 down, 0 both
    events, exposure : (S, N) of rates and counts, for rare events; None for other kinds
    counted : y is the log of a count: its variance follows from the centre
    excluded : (S, N) windows not to be learnt from
    accepted : for each series, window of a decision → first window of the new normal

    """

    y: Floats
    sampling: Floats
    calendar: Calendar
    min_effect: Callable[[Floats, Ints], Floats]
    side: Ints
    events: Floats | None = None
    exposure: Floats | None = None
    counted: bool = False
    excluded: Bools | None = None
    accepted: Sequence[Mapping[int, int]] = ()


@dataclass(frozen=True)
class Watched:
    """What was seen: a value for each series and window, and the incidents.

    Parameters
    ----------
    level : (S, N) OK, UNKNOWN, WARNING or ALARM: new evidence in this window
    status : (S, N) what is open: ALARM in an incident, WARNING while a shift is not accepted
    eye : (S, N) JUMP, DRIFT or 0
    centre, low, high : (S, N) forecast and alarm line, additive scale
    normal : (S, N) level and season alone
    far : (S, N) level and season of the drift eye's old line
    p, u : (S, N) chance and size (standard deviations) of the surprise
    evidence : (S, N) of the drift eye, set back after each alarm
    running : (S, N) the same, set back only where an incident ends: what a fleet is judged by
    episodes : of each series
    rebasings : of each series: window, since, jump

    """

    level: NDArray[np.int8]
    status: NDArray[np.int8]
    eye: NDArray[np.int8]
    centre: Floats
    low: Floats
    high: Floats
    normal: Floats
    far: Floats
    p: Floats
    u: Floats
    evidence: Floats
    running: Floats
    episodes: list[list[Episode]]
    rebasings: list[list[tuple[int, int, float]]]


class State:
    """The arrays of one watch, which move on block by block."""

    def __init__(self, batch: Batch, how: Promise) -> None:
        self.batch, self.how = batch, how
        size, windows = batch.y.shape
        self.seen = _blank(size, windows)
        self.told = batch.y.copy()  # what lies before a shift is moved by it
        self.learnt = batch.y.copy()
        if batch.excluded is not None:
            self.learnt[batch.excluded] = np.nan
        there = ~np.isnan(batch.y)
        self.first = np.where(there.any(axis=1), there.argmax(axis=1), windows)
        self.pool = Pool(size, windows, max(int(365 * max(how.per_day, 1)), 1))
        self.fits = Fits(size)
        self.total, self.running = np.zeros((size, 2, len(SIZES))), np.zeros((size, 2, len(SIZES)))
        self.cusum, self.onset = np.zeros((size, 2)), np.zeros((size, 2), np.int64)
        self.calm, self.hot = np.zeros(size, np.int64), np.zeros(size, np.int64)
        self.opened, self.accepted = np.full(size, -1), np.full(size, -1)
        self.spiked = np.zeros(size, np.bool_)
        self.live: dict[int, Episode] = {}
        self.pending: dict[int, list[Episode]] = {}
        self.busy = np.zeros(size, np.bool_)  # has something live or pending
        self.upward = np.zeros(size, np.bool_)  # the side with more evidence
        self.decided = {(s, t): since for s, own in enumerate(batch.accepted) for t, since in own.items()}
        self.decisions: dict[int, list[int]] = {}
        for s, t in self.decided:
            self.decisions.setdefault(t, []).append(s)

    def move(self, series: int, since: int, jump: float) -> None:
        """Take a shift as the new normal: what lies before it is moved, and with it every line."""
        self.told[series, :since] += jump
        self.learnt[series, :since] += jump
        self.fits.move(series, jump)


def _blank(size: int, windows: int) -> Watched:
    level, status, eye = (np.zeros((size, windows), np.int8) for _ in range(3))
    level[:] = UNKNOWN
    centre, low, high, normal, far, p, u, evidence, running = np.full((9, size, windows), np.nan)
    return Watched(
        level, status, eye, centre, low, high, normal, far, p, u, evidence, running,
        [[] for _ in range(size)], [[] for _ in range(size)],
    )  # fmt: skip
