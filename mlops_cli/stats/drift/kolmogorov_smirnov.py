"""Kolmogorov-Smirnov: the largest distance of the distribution functions."""

import numpy as np

from mlops_cli.stats.ecdf import ecdf, ks_evidence, sup_of_bridge
from mlops_cli.stats.statistic import Counts, Drift, DriftStatistic


def compute(counts: Counts) -> Drift:
    """D of each window, (W,) in [0, 1].

    Exact where a cell holds one value, else short by at most the largest share that one cell holds.
    """
    reference, current = ecdf(counts.reference), ecdf(counts.current)
    value = np.abs(current - reference).max(axis=1, initial=0.0)
    a, noise = ks_evidence(counts, value)
    value = np.where(np.isnan(a), np.nan, value)
    expected = sup_of_bridge(reference) * noise
    return Drift(value, expected, np.maximum(value - expected, 0.0), "ks", a, np.full(len(value), np.nan))


STATISTIC = DriftStatistic(
    title="Kolmogorov-Smirnov distance",
    unit="share",
    types=("number",),
    help="The largest change of the share of rows below any one value",
    formula="D = max |F - G|; p by Kolmogorov's distribution of D sqrt(nm / (n + m))",
    source="Smirnov (1939), Bulletin Moscow University 2; Marsaglia, Tsang, Wang (2003), J. Stat. Software 8",
    compute=compute,
)
