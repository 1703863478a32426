"""Episode: one incident of a series, told against the line as it stood when it opened."""

from dataclasses import dataclass, field
from math import ceil, isnan

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.line import Line

Floats = NDArray[np.float64]

JUMP, DRIFT = 1, 2
LARGEST = 4.0  # standard deviations: a larger fault is not waited for longer
SURE = 10.8  # (2 * 1.645)^2: 5 % risk of clearing too early, and of clearing too late


@dataclass(eq=False)
class Episode:
    """An incident and the frozen line that it is told against.

    Parameters
    ----------
    opened, since : numbers of the window of its first alarm, and where it began
    eye : JUMP or DRIFT, which opened it
    level, season, sd : the frozen line
    size : of the fault, in standard deviations of the frozen line
    end, how : number of the window that ended it; ongoing, recovered, shifted or accepted
    shifted : number of the window in which it was taken as a new level, not yet accepted
    alarms : numbers of its windows beyond the alarm line

    """

    opened: int
    since: int
    eye: int
    level: float
    season: Floats
    sd: float
    size: float = 0.0
    end: int | None = None
    how: str = "ongoing"
    shifted: int | None = None
    alarms: list[int] = field(default_factory=list)
    deviations: list[float] = field(default_factory=list)
    calm_windows: int = 0

    def deviation(self, y: float, sampling: float, of_week: int) -> float:
        """Distance from the frozen line, in its standard deviations."""
        return float((y - self.level - self.season[of_week]) / np.sqrt(self.sd**2 + sampling))

    def tell(self, y: float, sampling: float, of_week: int, number: int, *, alarm: bool, least: int) -> bool:
        """One window more; True where the incident is over.

        Parameters
        ----------
        y, sampling, of_week, number : of the window
        alarm : it is beyond the alarm line
        least : windows that must be calm at least

        """
        self.deviations.append(self.deviation(y, sampling, of_week))
        if alarm:
            self.alarms.append(number)
        if self.eye == JUMP and (len(self.deviations) == 1 or alarm):
            self.size = min(abs(self.deviations[-1]), LARGEST)
        self.calm_windows = max(least, self.opened - self.since + 1, ceil(SURE / max(self.size, 0.5) ** 2))
        return not alarm and len(self.deviations) > self.calm_windows and self.calm()

    def calm(self) -> bool:
        """The last windows lie nearer to the frozen line than half the fault."""
        last = self.deviations[-self.calm_windows :]
        return abs(sum(last) / len(last)) < self.size / 2


def opened(
    line: Line,
    far: Line,
    series: int,
    number: int,
    since: int,
    eye: int,
    past: tuple[Floats, NDArray[np.int64]],
) -> Episode:
    """The incident that opens now.

    Parameters
    ----------
    line, far : the line in force, and the old line of the drift eye; series is the position in both
    number, since : this window, and where the fault began
    eye : JUMP or DRIFT
    past : y of the windows `since` to `number` and their slots of the week

    """
    chosen = far if eye == DRIFT else line
    own = Episode(
        number,
        since,
        eye,
        float(chosen.level[series]),
        chosen.season[series].copy(),
        float(chosen.sd[series]),
    )
    if eye == DRIFT:
        y, of_week = past
        mean = np.nanmean((y - own.level - own.season[of_week]) / np.sqrt(own.sd**2 + 1e-18))
        own.size = 0.0 if isnan(mean) else min(abs(float(mean)), LARGEST)
    return own
