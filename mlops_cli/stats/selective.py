"""The machine decides where it is confident: coverage, the risk there, how good the order is.

Everything starts from `Steps`: one step a distinct confidence, items that tie are taken together. So no
figure depends on the order of the rows.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.distributions import deviate
from mlops_cli.stats.proportion import Interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Steps:
    """Items by confidence, the surest first.

    Parameters
    ----------
    threshold : (s,) distinct confidences, falling
    accepted : (s,) items at least as confident
    sums : name → (s,) sum over those items: errors, or items that only the model got right
    items : all of them, those without a confidence too (they are never accepted)

    """

    threshold: Floats
    accepted: Ints
    sums: dict[str, Floats]
    items: int

    @property
    def coverage(self) -> Floats:
        """Share of all items."""
        return self.accepted / max(self.items, 1)


def steps(confidence: ArrayLike, items: int | None = None, **losses: ArrayLike) -> Steps:
    """Cumulative counts by confidence.

    Parameters
    ----------
    confidence : (n,) any finite numbers; NaN: not ranked
    items : how many there are in all; None: n
    losses : (n,) each, summed under its name

    Examples
    --------
    >>> steps([0.9, 0.5, 0.9], errors=[0, 1, 1])
    Steps(threshold=array([0.9, 0.5]), accepted=array([2, 3]), sums={'errors': array([1., 2.])}, items=3)

    """
    values = np.asarray(confidence, np.float64)
    total = len(values) if items is None else items
    known = ~np.isnan(values)
    order = np.argsort(-values[known], kind="stable")
    ranked = values[known][order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], values[known].size > 0))
    sums = {k: np.cumsum(np.asarray(x, np.float64)[known][order])[last] for k, x in losses.items()}
    return Steps(ranked[last], last + 1, sums, total)


def from_counts(confidence: ArrayLike, count: ArrayLike, items: int, **sums: ArrayLike) -> Steps:
    """The same from one row a distinct confidence, in any order: how many items, and their sums."""
    values, n = np.asarray(confidence, np.float64), np.asarray(count, np.int64)
    order = np.argsort(-values, kind="stable")
    added = {k: np.cumsum(np.asarray(x, np.float64)[order]) for k, x in sums.items()}
    return Steps(values[order], np.cumsum(n[order]), added, items)


def aurc(curve: Steps, errors: str = "errors") -> tuple[float, float]:
    """Area under the risk-coverage curve, and what of it is above that of a perfect order.

    The mean over ranks of the error rate among the items above; within a tie its expectation over the order.
    NaN without items.

    References
    ----------
    Geifman, Uziel, El-Yaniv (2019), International Conference on Learning Representations (E-AURC).

    Examples
    --------
    >>> aurc(steps([0.9, 0.8, 0.7, 0.6], errors=[0, 1, 0, 1]))
    (0.3333..., 0.1249...)

    """
    if not len(curve.accepted):
        return math.nan, math.nan
    k, loss = curve.accepted, curve.sums[errors]
    n = int(k[-1])
    before, loss_before = np.append(0, k[:-1]), np.append(0.0, loss[:-1])
    harmonic = np.append(0.0, np.cumsum(1 / np.arange(1, n + 1)))
    rate = (loss - loss_before) / (k - before)
    area = rate * (k - before) + (loss_before - rate * before) * (harmonic[k] - harmonic[before])
    wrong = float(loss[-1])
    best = (wrong - (n - wrong) * (harmonic[n] - harmonic[round(n - wrong)])) / n
    value = float(area.sum()) / n
    return value, float(value - best)


def auroc(curve: Steps, errors: str = "errors", level: float = 0.95) -> tuple[float, Interval]:
    """Chance that a right item is more confident than a wrong one, ties one half; DeLong's interval.

    NaN and (0, 1) where nothing is wrong or nothing right.

    References
    ----------
    DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44.

    """
    wrong = np.diff(curve.sums[errors], prepend=0.0)
    right = np.diff(curve.accepted, prepend=0) - wrong
    bad, good = float(wrong.sum()), float(right.sum())
    if not bad or not good:
        return math.nan, Interval(0.0, 1.0)
    beaten = (bad - np.cumsum(wrong) + wrong / 2) / bad  # by a right item of this step
    winners = (np.cumsum(right) - right / 2) / good  # over a wrong item of this step
    value = float((right * beaten).sum()) / good
    spread_good = float((right * (beaten - value) ** 2).sum()) / max(good - 1, 1)
    spread_bad = float((wrong * (winners - value) ** 2).sum()) / max(bad - 1, 1)
    half = deviate(level) * math.sqrt(spread_good / good + spread_bad / bad)
    return value, Interval(max(0.0, value - half), min(1.0, value + half))


def least_confident(curve: Steps, share: float) -> int:
    """First step of the smallest set of whole confidence values that holds this share of the ranked items.

    Examples
    --------
    >>> least_confident(steps([0.9, 0.8, 0.7, 0.7]), 0.25)
    2

    """
    k = curve.accepted
    if not len(k):
        return 0
    wanted = math.ceil(share * int(k[-1]) - 1e-9)
    before = np.append(0, k[:-1])
    return int(np.flatnonzero(k[-1] - before >= wanted)[-1])
