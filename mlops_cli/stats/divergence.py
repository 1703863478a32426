"""What JS, Hellinger and PSI share: a sum over bins of a function of the two shares, less its expectation."""

import numpy as np

from mlops_cli.stats.bins import Bins, bins, pooled
from mlops_cli.stats.contingency import evidence
from mlops_cli.stats.null import Term, expected_sum
from mlops_cli.stats.statistic import Counts, Drift, Floats

BLOCK = 65_536  # cells at once: larger arrays are new pages each time, three times as slow


def divergence(counts: Counts, term: Term, curvature: float, *, root: bool) -> Drift:
    """Drift of a statistic that adds up over the bins.

    The size is the sum over the bins of `bins.pooled` less its mean when nothing changed; `expected` is
    what lies between size and value, so it holds what the pooled bins differ by among themselves too.

    Parameters
    ----------
    counts : of baseline and windows
    term, curvature : as in `null.expected_sum`
    root : the statistic is the root of the sum

    """
    binned = bins(counts)
    tested = pooled(counts, binned)
    value = total(binned, term)
    apart = total(tested, term) - expected_sum(tested, term, curvature)
    a, b = evidence(tested)
    size, expected = np.maximum(apart, 0.0), np.maximum(value - apart, 0.0)
    if root:
        value, expected, size = np.sqrt(value), np.sqrt(expected), np.sqrt(size)
    return Drift(value, expected, size, "chi2", a, b)


def total(rows: Bins, term: Term) -> Floats:
    """Sum of the term over the bins, (W,); NaN where a sample is empty."""
    n, m = rows.reference.sum(axis=-1, keepdims=True), rows.current.sum(axis=1, keepdims=True)
    out = np.empty(len(rows.current))
    step = max(BLOCK // max(rows.current.shape[1], 1), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        for i in range(0, len(out), step):
            part = slice(i, i + step)
            u = (rows.reference[part] / n[part]) if rows.reference.ndim == 2 else rows.reference / n
            out[part] = term(u, rows.current[part] / m[part]).sum(axis=1)
    out = np.maximum(out, 0.0)  # rounding leaves -1e-17 of equal samples
    return np.where(((n > 0) & (m > 0))[..., 0], out, np.nan)


def jensen_shannon(u: Floats, v: Floats) -> Floats:
    """Part of one bin in the Jensen-Shannon divergence, in bits, of its two shares."""
    # (u log(2u / (u + v)) + v log(2v / (u + v))) / 2 with d = (u - v) / (u + v): 2u / (u + v) is 1 + d
    both = u + v
    with np.errstate(divide="ignore", invalid="ignore"):
        d = (u - v) / both
        inner = (1 + d) * np.log1p(d) + (1 - d) * np.log1p(-d)
    out = both / 4 * inner / np.log(2)
    return np.where((u > 0) & (v > 0), out, both / 2)
