"""Cramér's V of the table of counts, with its chi-square test."""

import numpy as np

from mlops_cli.stats.bins import bins, pooled
from mlops_cli.stats.contingency import chi_square, evidence
from mlops_cli.stats.statistic import Counts, Drift, DriftStatistic


def compute(counts: Counts) -> Drift:
    """Cramér's V of each window, (W,) in [0, 1]."""
    binned = bins(counts)
    tested = pooled(counts, binned)
    rows = binned.reference.sum() + binned.current.sum(axis=1)
    value = chi_square(binned)[0] / rows
    statistic, degrees = chi_square(tested)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = statistic / rows - degrees / (rows - 1)  # the exact mean given the margins
    apart = np.where(degrees == 0, 0.0, apart)
    size, expected = np.maximum(apart, 0.0), np.maximum(value - apart, 0.0)
    a, b = evidence(tested)
    return Drift(np.sqrt(value), np.sqrt(expected), np.sqrt(size), "chi2", a, b)


STATISTIC = DriftStatistic(
    title="Chi-square, as Cramér's V",
    unit="share",
    types=("number", "category"),
    help="How much the bins tell of whether a row is the baseline's or the window's, from 0 to 1",
    formula="sqrt(chi2 / (n + m)), chi2 of the 2 x k table of counts without correction",
    source="Pearson (1900), Philosophical Magazine 50; Cramér (1946), Mathematical Methods of Statistics; "
    "Bergsma (2013), Journal of the Korean Statistical Society 42 (the bias taken off)",
    compute=compute,
)
