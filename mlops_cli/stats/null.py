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
TOTALS = 32  # so many different totals a window are computed, those between are interpolated
BLOCK = 65_536  # terms at once: larger arrays are new pages each time


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
    few = ~common & (together > 0) & known[:, None]
    scarce = np.flatnonzero(few.any(axis=1))
    asked = [_spread(together[w, few[w]]) for w in scarce]
    sizes = [len(some) for _, _, some in asked]
    if asked:
        at = np.repeat(scarce, sizes)
        means = _means(np.concatenate([some for _, _, some in asked]), n[at], m[at], term)
        parts = np.split(means, np.cumsum(sizes)[:-1])
        for w, (totals, times, some), mean in zip(scarce, asked, parts, strict=True):
            out[w] += times @ np.interp(totals, some, mean)
    return np.where(known, out, np.nan)


def _spread(together: Floats) -> tuple[Floats, Floats, Floats]:
    """The totals that occur, how often each does, and those of them that are computed."""
    counts = np.bincount(together.astype(np.int64))
    totals = np.flatnonzero(counts)
    times, some = counts[totals].astype(np.float64), totals
    if len(totals) > TOTALS:
        wanted = np.searchsorted(totals, np.geomspace(totals[0], totals[-1], TOTALS))
        some = totals[np.unique(np.concatenate([[0, len(totals) - 1], wanted.clip(0, len(totals) - 1)]))]
    return totals.astype(np.float64), times, some.astype(np.float64)


def _means(totals: Floats, n: Floats, m: Floats, term: Term) -> Floats:
    """Mean of the term of bins that hold `totals` rows of both samples, fewer than 50 of the smaller."""
    mean = totals * np.minimum(n, m) / (n + m)
    most = np.ceil(mean + 12 * np.sqrt(mean) + 20)  # rows of the smaller: more are impossible
    out = np.empty(len(totals))
    # Of like means together: few impossible numbers of rows are looked at.
    for some in np.array_split(np.argsort(mean, kind="stable"), int(most.sum()) // BLOCK + 1):
        at = some[:, None]
        out[some] = _mean_of(totals[at], n[at], m[at], np.arange(most[some[-1]]), term)
    return out


def _mean_of(t: Floats, n: Floats, m: Floats, rows: Floats, term: Term) -> Floats:
    small, large = np.minimum(n, m), np.maximum(n, m)
    y = np.maximum(0, t - large) + rows
    # Ratio of the probabilities of y + 1 and y; 0 from the largest possible y on.
    odds = np.maximum((t - y) * (small - y), 0) * (y <= t) / ((y + 1) * (n + m - t - small + y + 1))
    with np.errstate(divide="ignore"):
        log = np.cumsum(np.log(odds), axis=1)
    log = np.concatenate([np.zeros_like(t), log[:, :-1]], axis=1)
    chance = np.exp(log - log.max(axis=1, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    possible = np.minimum(y, np.minimum(t, small))
    reference = np.where(n < m, possible, t - possible)
    return np.asarray((chance * term(reference / n, (t - reference) / m)).sum(axis=1))
