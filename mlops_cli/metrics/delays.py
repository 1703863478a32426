"""Delays: how many rows of a model get a label, how late it comes, when a window has nearly all of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_cli.profile.labelled import EDGES
from mlops_cli.stats.late import coverage, reached

Floats = NDArray[np.float64]
NEARLY = 0.95  # of all labels that will ever come: a window is mature
NONE = -1  # no age that was seen is enough


@dataclass(frozen=True)
class Delays:
    """What the windows of one series say of their labels, by the chain ladder.

    Parameters
    ----------
    share : (D,) of the rows labelled by the end of each delay bucket; NaN: no window is that old
    final : of the rows that will ever get one; NaN: labels still come at the oldest age that was seen
    median, late : seconds within which half, and nine tenths, of the labels come; where `final` is NaN it
        takes longer than that
    mature : the delay bucket at whose end nearly all have come; NONE: none

    """

    share: Floats
    final: float
    median: float
    late: float
    mature: int

    @property
    def settle(self) -> float:
        """Seconds after its end from which a window is mature; infinite where it is not known."""
        return float(EDGES[self.mature + 1]) if self.mature != NONE else float("inf")

    def expected(self, labelled: float, rows: float, age: int) -> float:
        """Share of a window's rows that will have a label in the end; NaN where it is not known."""
        now = self.share[age] if 0 <= age < len(self.share) else 0.0
        if not now > 0:
            return self.final
        return min(labelled / rows * max(self.final / now, 1.0), 1.0) if rows > 0 else float("nan")


def delays(triangle: Floats, rows: Floats) -> Delays:
    """From the labels of each window by delay bucket, NaN where a bucket is not over yet."""
    share = coverage(triangle, rows)
    known = np.flatnonzero(np.isfinite(share))
    edges = np.array(EDGES, np.float64)
    median, late = (reached(share, edges, q) for q in (0.5, 0.9))
    if not len(known) or not share[known[-1]] > 0:
        return Delays(share, float("nan"), float("inf"), float("inf"), NONE)
    last = int(known[-1])
    before = share[last - 1] if last else 0.0
    if before < NEARLY * share[last]:  # whether more come after it, nobody has seen
        return Delays(share, float("nan"), median, late, NONE)
    return Delays(share, float(share[last]), median, late, int(np.argmax(share >= NEARLY * share[last])))
