"""Wasserstein distance, in standard deviations of the baseline."""

import numpy as np

from mlops_cli.stats.cells import support
from mlops_cli.stats.ecdf import ecdf, ks_evidence
from mlops_cli.stats.statistic import Counts, Drift, DriftStatistic, Floats

HALF_NORMAL = 0.7978845608028654  # sqrt(2 / pi), the mean of |N(0, 1)|


def compute(counts: Counts) -> Drift:
    """Distance of each window, (W,) at least 0, in sd; NaN where the baseline's sd is unknown or 0."""
    reference, current = ecdf(counts.reference), ecdf(counts.current)
    apart = current - reference
    distance = np.abs(apart).max(axis=1, initial=0.0)
    a, noise = ks_evidence(counts, distance)
    none = np.full(len(a), np.nan)
    sd = counts.reference_sd
    if sd is None or not sd > 0:
        return Drift(none, none, none, "ks", none, none)
    low, high = support(counts.low, counts.high, integral=counts.integral)
    width, gap = high - low, np.append(low[1:] - high[:-1], 0.0)
    value = _area_between(apart, width, gap) / sd
    n, m = counts.reference.sum(), counts.current.sum(axis=1)
    both = (n * reference + m[:, None] * current) / (n + m)[:, None]
    expected = HALF_NORMAL * noise * _area_of_spread(both, width, gap) / sd
    value, expected = value + 0 * a, expected + 0 * a  # NaN where a sample is empty
    return Drift(value, expected, np.maximum(value - expected, 0.0), "ks", a, none)


def _area_between(apart: Floats, width: Floats, gap: Floats) -> Floats:
    """Area under |F - G|: linear inside a cell, constant between cells."""
    before = np.concatenate([np.zeros((len(apart), 1)), apart[:, :-1]], axis=1)
    ends = np.abs(before) + np.abs(apart)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossed = np.where(ends > 0, (before**2 + apart**2) / (2 * ends), 0.0)
    return np.where(before * apart >= 0, ends / 2, crossed) @ width + np.abs(apart) @ gap


def _area_of_spread(both: Floats, width: Floats, gap: Floats) -> Floats:
    """Area under sqrt(F (1 - F)), inside a cell by Simpson's rule."""
    before = np.concatenate([np.zeros((len(both), 1)), both[:, :-1]], axis=1)
    middle = (before + both) / 2
    left, mid, right = (np.sqrt(np.maximum(f * (1 - f), 0)) for f in (before, middle, both))
    return np.asarray((left + 4 * mid + right) / 6 @ width + right @ gap)


STATISTIC = DriftStatistic(
    title="Wasserstein distance",
    unit="sd",
    types=("number",),
    help="How far a row has to be moved on average to turn one distribution into the other",
    formula="area between the two distribution functions / standard deviation of the baseline",
    source="Vallender (1974), Theory of Probability and its Applications 18; "
    "del Barrio, Giné, Matrán (1999), Annals of Probability 27 (the expectation)",
    compute=compute,
)
