"""Incident: a run of windows beyond the line, and whether it still holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_cli.result.finding import Level


@dataclass(frozen=True)
class Incident:
    """Positions in the series: `first` to `last` are beyond the line, `worst` is the one to show."""

    first: int
    last: int
    worst: int
    level: Level
    open: bool


def incidents(
    levels: Sequence[int],
    windows_in_a_row: int = 1,
    sizes: Sequence[float] | None = None,
) -> list[Incident]:
    """Runs of windows at WARNING or worse, in order.

    An UNKNOWN window neither ends a run nor makes one: silence is no recovery. A run shorter than
    `windows_in_a_row` known windows is none. The last run is open when no known window follows it. Its worst
    window has the highest level, then the largest of `sizes` where they are given, then it is the latest.
    """
    runs: list[list[int]] = []
    broken = False
    for i, level in enumerate(levels):
        if level == Level.UNKNOWN:
            continue
        if level >= Level.WARNING:
            if broken:
                runs[-1].append(i)
            else:
                runs.append([i])
        broken = level >= Level.WARNING
    out: list[Incident] = []
    for i, run in enumerate(runs):
        if len(run) < windows_in_a_row:
            continue
        worst = max(run, key=lambda k: (levels[k], sizes[k] if sizes else 0.0, k))
        still = i == len(runs) - 1 and broken
        out.append(Incident(run[0], run[-1], worst, Level(levels[worst]), still))
    return out
