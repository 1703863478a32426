"""Population stability index."""

import numpy as np

from mlops_cli.stats.divergence import divergence
from mlops_cli.stats.statistic import Counts, Drift, DriftStatistic, Floats

FLOOR = 1e-6  # a share that is 0 counts as this, or one empty bin would make the index infinite


def _term(u: Floats, v: Floats) -> Floats:
    p, q = np.maximum(u, FLOOR), np.maximum(v, FLOOR)
    return (q - p) * np.log(q / p)


def compute(counts: Counts) -> Drift:
    """Index of each window, (W,) at least 0; at most 13.8 a bin."""
    return divergence(counts, _term, 1.0, root=False)


STATISTIC = DriftStatistic(
    title="Population stability index",
    unit="nats",
    types=("number", "category"),
    help="The symmetric Kullback-Leibler divergence that credit scoring knows; 0 is no change",
    formula="sum((q - p) ln(q / p)), shares of at least 1e-6; numbers between the baseline's deciles",
    source="Lewis (1994), An Introduction to Credit Scoring; Jeffreys (1946), Proc. Royal Society A 186",
    compute=compute,
)
