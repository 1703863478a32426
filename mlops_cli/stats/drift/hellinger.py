"""Hellinger distance."""

import numpy as np

from mlops_cli.stats.divergence import divergence
from mlops_cli.stats.statistic import Counts, Drift, DriftStatistic, Floats


def _term(u: Floats, v: Floats) -> Floats:
    return (np.sqrt(u) - np.sqrt(v)) ** 2 / 2


def compute(counts: Counts) -> Drift:
    """Distance of each window, (W,) in [0, 1]; 1 where nothing is shared."""
    return divergence(counts, _term, 1 / 8, root=True)


STATISTIC = DriftStatistic(
    title="Hellinger distance",
    unit="share",
    types=("number", "category"),
    help="How far two distributions lie apart, from 0 (equal) to 1 (nothing in common)",
    formula="sqrt(sum((sqrt(p) - sqrt(q))^2) / 2); numbers between the baseline's deciles",
    source="Hellinger (1909), Journal für die reine und angewandte Mathematik 136",
    compute=compute,
)
