"""L-infinity: the largest difference of shares."""

import numpy as np

from mlops_cli.stats.bins import Bins, bins, pooled
from mlops_cli.stats.contingency import evidence
from mlops_cli.stats.statistic import Counts, Drift, DriftStatistic, Floats

NODES = 200  # of the integral; its error is below 1e-4 of the value


def compute(counts: Counts) -> Drift:
    """Largest difference of each window, (W,) in [0, 1]; unseen categories count one by one."""
    binned = bins(counts)
    rows = binned if counts.ordered else Bins(counts.reference, counts.current)
    n, m = rows.reference.sum(), rows.current.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.abs(rows.reference / n - rows.current / m[:, None])
    value = apart.max(axis=1, initial=0.0)
    value[(m == 0) | (n == 0)] = np.nan
    expected = np.full(len(m), np.nan)
    for w in np.flatnonzero(np.isfinite(value)):
        expected[w] = _expected(rows.reference + rows.current[w], 1 / n + 1 / m[w])
    a, b = evidence(pooled(counts, binned))
    return Drift(value, expected, np.maximum(value - expected, 0.0), "chi2", a, b)


def _expected(together: Floats, noise: float) -> float:
    """Mean of the maximum of independent half-normals, one for each bin but that of the least spread."""
    from scipy.special import erf  # noqa: PLC0415 - 0.4 s to import

    share, times = np.unique(together[together > 0] / together.sum(), return_counts=True)
    spread = np.sqrt(share * (1 - share) * noise)
    times[np.argmin(spread)] -= 1  # the differences add up to 0: one is not free
    kept = (times > 0) & (spread > 0)
    if not kept.any():
        return 0.0
    spread, times = spread[kept], times[kept]
    top = spread.max() * np.sqrt(2 * np.log(2 * times.sum()) + 40)
    t = (np.arange(NODES) + 0.5) / NODES * top
    with np.errstate(divide="ignore"):
        log = times @ np.log(erf(t / (spread[:, None] * np.sqrt(2))))
    return float((1 - np.exp(log)).mean() * top)


STATISTIC = DriftStatistic(
    title="L-infinity",
    unit="share",
    types=("number", "category"),
    help="The largest change of the share of any one value",
    formula="max |p - q|, over all categories, or between the baseline's deciles",
    source="As in NannyML 0.13, univariate drift",
    compute=compute,
)
