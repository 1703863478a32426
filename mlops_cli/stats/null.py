"""What a sum over bins comes to when nothing changed, given the rows that both samples hold together.

Had nothing changed, every row could as well have been drawn into the other sample: given that a bin holds
t of all N rows, the baseline's share of them is hypergeometric (Fisher 1935, The Design of Experiments).
No probability needs to be estimated, so the mean is right for rare bins too.
"""

from collections.abc import Callable

import numpy as np

from mlops_cli.stats.bins import Bins
from mlops_cli.stats.statistic import Floats

Term = Callable[[Floats, Floats], Floats]  # shares of a bin in baseline and window → its part of the sum

COMMON = 50.0  # from as many expected rows on, the closed form is within 1 %
TOTALS = 128  # so many different totals a window are computed, those between are interpolated


def expected_sum(rows: Bins, term: Term, curvature: float) -> Floats:
    """Mean of `sum(term(u, v))` over the bins when nothing changed.

    Parameters
    ----------
    rows : reference and current, both (W, k)
    term : part of one bin, a function of its two shares, zero and flat where they are equal
    curvature : c of `term(u, v) ~ c (u - v)^2 / q` near u = v = q

    Returns
    -------
    (W,) at least 0 where `term` is; NaN where a sample is empty. A bin in which 50 rows or more are expected
    of the smaller sample gives `curvature * (1 - q) * (1/n + 1/m)`; of the others, the exact mean.

    """
    n, m = rows.reference.sum(axis=1), rows.current.sum(axis=1)
    together = rows.reference + rows.current
    with np.errstate(divide="ignore", invalid="ignore"):
        share = together / (n + m)[:, None]
        noise = 1 / n + 1 / m
        common = share * np.minimum(n, m)[:, None] >= COMMON
        out = curvature * noise * np.where(common, 1 - share, 0.0).sum(axis=1)
    known = (n > 0) & (m > 0)
    few = ~common & (together > 0)
    for w in np.flatnonzero(few.any(axis=1) & known):
        totals, times = np.unique(together[w, few[w]], return_counts=True)
        spread = np.linspace(0, len(totals) - 1, min(TOTALS, len(totals))).round().astype(np.int64)
        means = _means(totals[spread], n[w], m[w], term)
        out[w] += times @ np.interp(totals, totals[spread], means)
    return np.where(known, out, np.nan)


def _means(totals: Floats, n: float, m: float, term: Term) -> Floats:
    """Mean of the term of bins that hold `totals` rows of both samples, fewer than 50 of the smaller."""
    small, large = min(n, m), max(n, m)
    mean = totals.max() * small / (n + m)
    t = totals[:, None]
    y = np.maximum(0, t - large) + np.arange(np.ceil(mean + 12 * np.sqrt(mean) + 20))
    # Ratio of the probabilities of y + 1 and y; 0 from the largest possible y on.
    odds = np.maximum((t - y) * (small - y), 0) * (y <= t) / ((y + 1) * (n + m - t - small + y + 1))
    with np.errstate(divide="ignore"):
        log = np.cumsum(np.log(odds), axis=1)
    log = np.concatenate([np.zeros_like(t), log[:, :-1]], axis=1)
    chance = np.exp(log - log.max(axis=1, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    possible = np.minimum(y, np.minimum(t, small))
    mine, other = possible / small, (t - possible) / large
    terms = term(mine, other) if n < m else term(other, mine)
    return np.asarray((chance * terms).sum(axis=1))
