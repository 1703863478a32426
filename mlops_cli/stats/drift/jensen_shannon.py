"""Jensen-Shannon distance: the root of the divergence, base 2."""

import numpy as np

from mlops_cli.stats.divergence import divergence, jensen_shannon
from mlops_cli.stats.statistic import Counts, Drift, DriftStatistic


def compute(counts: Counts) -> Drift:
    """Distance of each window, (W,) in [0, 1]; 1 where nothing is shared."""
    return divergence(counts, jensen_shannon, 1 / (8 * np.log(2)), root=True)


STATISTIC = DriftStatistic(
    title="Jensen-Shannon distance",
    unit="share",
    types=("number", "category"),
    help="How far two distributions lie apart, from 0 (equal) to 1 (nothing in common)",
    formula="sqrt((KL(P, M) + KL(Q, M)) / 2), M = (P + Q) / 2, logarithms to base 2, no smoothing; "
    "numbers between the baseline's deciles",
    source="Lin (1991), IEEE Transactions on Information Theory 37; Endres, Schindelin (2003), ibid. 49",
    compute=compute,
)
