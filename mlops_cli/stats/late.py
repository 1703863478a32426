"""Labels that come late, or only for some: coverage, delay, and counts as if all were labelled."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.bins import Bins
from mlops_cli.stats.contingency import evidence
from mlops_cli.stats.divergence import jensen_shannon, total
from mlops_cli.stats.null import expected_sum

Floats = NDArray[np.float64]


def coverage(triangle: ArrayLike, rows: ArrayLike) -> Floats:
    """Share of rows that will be labelled by the end of each delay bucket, by the chain ladder.

    Parameters
    ----------
    triangle : (W, D) labels of window w that came in delay bucket d; NaN where the bucket is not over yet
    rows : (W,) predictions

    Returns
    -------
    (D,) NaN from where no window has got so far

    References
    ----------
    Mack (1993), ASTIN Bulletin 23; the product-limit estimator of delays that are cut off on the right.

    """
    came, n = np.asarray(triangle, np.float64), np.asarray(rows, np.float64)
    seen, total = np.isfinite(came), np.nancumsum(came, axis=1)
    out = np.full(came.shape[1], np.nan)
    for d in range(came.shape[1]):
        old = seen[:, d]
        if n[old].sum() <= 0:
            break
        had = total[old, d - 1].sum() if d else 0.0
        share, before = (out[d - 1], had) if had > 0 else (1.0, n[old].sum())  # from the first label on
        out[d] = share * total[old, d].sum() / before
    return out


def reached(share: ArrayLike, edges: ArrayLike, q: float) -> float:
    """Delay within which the share q of the labels that ever come has come; infinite where it is not seen.

    Parameters
    ----------
    share : (D,) as `coverage` gives it
    edges : (D + 1,) of the delay buckets
    q : in (0, 1]

    """
    have, at = np.asarray(share, np.float64), np.asarray(edges, np.float64)
    known = np.isfinite(have)
    if not known.any() or not have[known][-1] > 0:
        return float("inf")
    goal = q * have[known][-1]
    d = int(np.argmax(have >= goal - 1e-12))
    before = have[d - 1] if d else 0.0
    if not np.isfinite(at[d + 1]) or have[d] <= before:
        return float(at[d])
    return float(at[d] + (at[d + 1] - at[d]) * (goal - before) / (have[d] - before))


class Weights(NamedTuple):
    """What a labelled row of each cell stands for; the share of rows in cells without any; their worth."""

    of: Floats
    blind: float
    effective: float


def weights(rows: Floats, labelled: Floats) -> Weights:
    """Post-stratification: labelled rows weigh as many as are in their cell.

    Parameters
    ----------
    rows, labelled : (C,) all rows of each cell, and those with a label

    Returns
    -------
    Weights
        `effective`: the share of the labels that as many evenly spread ones would need; 1 without any.

    References
    ----------
    Kish (1965), Survey Sampling: the effective number of rows.

    """
    seen = labelled > 0
    of = np.where(seen, rows / np.maximum(labelled, 1.0), 0.0)
    blind = float(rows[~seen].sum() / rows.sum()) if rows.sum() > 0 else 0.0
    first, second = float((of * labelled).sum()), float((of**2 * labelled).sum())
    return Weights(of, blind, first**2 / second / float(labelled.sum()) if second > 0 else 1.0)


class Reweighted(NamedTuple):
    """Positives and negatives by cell, the share of rows in cells without a label, what the labels weigh."""

    positives: Floats
    negatives: Floats
    blind: float
    effective: float


def reweighted(predicted: ArrayLike, labelled: ArrayLike, positive: ArrayLike) -> Reweighted:
    """Counts as if every prediction were labelled, where the choice of what is labelled depends on the cell.

    Parameters
    ----------
    predicted, labelled, positive : (C,) rows, those with a label, and those with a positive one, by cell

    Returns
    -------
    Reweighted
        `effective`: the share of the labels that as many evenly spread ones would need (Kish).

    """
    n, m, k = (np.asarray(x, np.float64) for x in (predicted, labelled, positive))
    found = weights(n, m)
    return Reweighted(found.of * k, found.of * (m - k), found.blind, found.effective)


class Selection(NamedTuple):
    """How the labelled rows of each window differ from the others.

    `square` is the Jensen-Shannon divergence (bits) less what it is when labels fall on any row alike, so it
    can be negative; `statistic` and `degrees` are of the chi-square evidence. All (W,), NaN where one side
    has no row.
    """

    square: Floats
    statistic: Floats
    degrees: Floats


def selection(labelled: ArrayLike, others: ArrayLike) -> Selection:
    """Whether what is labelled was chosen: both sides of each window, bin by bin.

    Parameters
    ----------
    labelled, others : (W, K) rows with a label and rows without one

    References
    ----------
    Lin (1991), IEEE Transactions on Information Theory 37.

    """
    rows = Bins(np.asarray(labelled, np.float64), np.asarray(others, np.float64))
    apart = total(rows, jensen_shannon) - expected_sum(rows, jensen_shannon, 1 / (8 * np.log(2)))
    return Selection(apart, *evidence(rows))
