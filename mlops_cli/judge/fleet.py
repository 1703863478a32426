"""Fleet: which of many series may alarm, so that the promise of the run holds over all of them together.

Jump eye: Benjamini-Hochberg over the chances of one window at half the promise by runs. Drift eye: e-BH on
the running evidence. Series without segments are one family; segments are a second one with the other half
of the budget. A single current window against a baseline is Holm's (`judge.py`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_cli.result.finding import Level
from mlops_cli.stats.multiplicity import benjamini_hochberg, e_benjamini_hochberg

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

WARN_RATIO = 12.0  # warnings may come so many times as often as alarms
EYES = 4.0  # two eyes share the promise, the drift eye looks at two sides


@dataclass(frozen=True)
class Confirmed:
    """What the fleet rule lets through, (S, N) each: jumps and drifts, as alarms and as warnings."""

    jump: Bools
    drift: Bools
    jump_warning: Bools
    drift_warning: Bools


def budget(windows: float, level: Level) -> float:
    """Share of a run's false rejections by the jump eye (the drift eye has as much).

    Parameters
    ----------
    windows : runs in which one false alarm is promised
    level : of ALARM or WARNING

    """
    ratio = WARN_RATIO if level is Level.WARNING else 1.0
    return min(0.5 * ratio / max(windows, 1.0), 0.5)


def confirm(
    p: Floats, running: Floats, own: NDArray[np.integer[Any]], family: Bools, windows: float
) -> Confirmed:
    """Which surprises stand against all others of the same window.

    Parameters
    ----------
    p, running : (S, N) chances and running evidence, NaN where nothing was judged
    own : (S, N) levels by each series' own line; windows without any are not looked at
    family : (S,) True: a segment
    windows : runs in which one false alarm is promised

    Returns
    -------
    Confirmed

    """
    out = Confirmed(*(np.zeros(p.shape, np.bool_) for _ in range(4)))
    share = 0.5 if family.any() and not family.all() else 1.0
    alarm, warning = (share * budget(windows, level) for level in (Level.ALARM, Level.WARNING))
    for t in np.flatnonzero((own >= Level.WARNING).any(axis=0)).tolist():
        for side in (False, True):
            rows = np.flatnonzero((family == side) & ~np.isnan(p[:, t]))
            if not len(rows):
                continue
            chances, evidence = p[rows, t], running[rows, t]
            out.jump[rows, t] = benjamini_hochberg(chances, alarm)
            out.drift[rows, t] = e_benjamini_hochberg(evidence, 2 * alarm / EYES)
            # Below its own alarm line a series warns only if it would stand alone: no company helps it.
            out.jump_warning[rows, t] = chances <= warning / len(rows)
            out.drift_warning[rows, t] = evidence >= EYES * len(rows) / (2 * warning)
    return out
