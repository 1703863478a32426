"""Calibrated scores corrected for a shift of the inputs, and a backtest that says whether to.

Three ways are compared on blocks of the labelled reference that were held out, their rows weighed so that
they look like the rows to be estimated: the score's bucket alone; what the fields add to it; the buckets
calibrated again on weighed rows. What a held-out block tells best by the Brier score is taken, and the
bucket stays unless another is better beyond chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.booster import Booster, Rules, fit, log_odds
from mlops_cli.stats.calibration import isotonic

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BUCKETS = 200
FOLDS = 3  # contiguous in time
WAYS = ("bucket", "label", "weighted")
LABEL = Rules(rounds=40, depth=3, logistic=True)
DENSITY = Rules(rounds=25, depth=3, logistic=True)
HEAVIEST = 20.0  # weight of one row: more would let a handful of rows speak for all
SHIFTED = 0.95  # effective share of the weighed rows from which there is no shift to correct
LEAST = 1e-3  # of a rate whose log odds something is learnt on top of
SURE = 1.645  # standard errors by which a way must beat the bucket
LOOKED = 0.93  # the same of few rows, whose weights are noisier
LOOK = 4_000  # rows of either side that are looked at first
BLOCKS = 12  # of rows, for the error of the gain


@dataclass(frozen=True)
class Rows:
    """Rows of one side: (n, fields) bins with the score's first, (n,) score buckets."""

    codes: Ints
    bucket: Ints


class Sizes(NamedTuple):
    """What `booster.fit` asks for: bins of each field, and which have no order."""

    sizes: Sequence[int]
    categories: Sequence[bool]


@dataclass(frozen=True)
class Choice:
    """The backtest.

    Parameters
    ----------
    way : one of WAYS
    brier : of each way that was tried, on held-out rows that look like the current ones
    effective : share of the reference's rows that as many unweighed ones would need
    gain, error : what the way gains in Brier score over the bucket, and its standard error

    """

    way: str
    brier: dict[str, float]
    effective: float
    gain: float = 0.0
    error: float = 0.0


class Corrector:
    """What is added to the calibrated rate of a row's bucket.

    Parameters
    ----------
    reference : labelled rows in time order
    label : (n,) 0 or 1
    current : rows to be estimated, pooled
    bins : of the fields

    """

    def __init__(self, reference: Rows, label: Floats, current: Rows, bins: Sizes) -> None:
        self.bins = bins
        n = len(label)
        fold = np.arange(n) * FOLDS // max(n, 1)
        self.models: list[tuple[Booster, Floats]] = []
        self.again = self.plain = _rates(reference.bucket, label)
        effective = _effective(density(_few(reference), _few(current), bins))
        if effective >= LOOKED:  # a look at some rows costs a fifth
            self.choice = Choice("bucket", {}, effective)
            return
        weight = density(reference, current, bins)
        effective = _effective(weight)
        self.choice = Choice("bucket", {}, effective)
        if effective >= SHIFTED:
            return
        out = {way: np.empty(n) for way in WAYS}
        for k in range(FOLDS):
            known, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            seen, own = _part(reference, known), _part(reference, held)
            plain = _rates(seen.bucket, label[known])
            begin = log_odds(plain[seen.bucket], LEAST)
            model = fit(seen.codes, label[known], bins.sizes, bins.categories, LABEL, begin=begin)
            self.models.append((model, plain))
            out["bucket"][held] = plain[own.bucket]
            out["label"][held] = model.predict(own.codes, log_odds(plain[own.bucket], LEAST))
            # The weights are learnt anew from rows that look like now, as they would be in earnest.
            heavy = density(seen, own, bins, weight[held])
            out["weighted"][held] = _rates(seen.bucket, label[known], heavy)[own.bucket]
        self.again = _rates(reference.bucket, label, weight)
        self.choice = _chosen(out, label, weight, effective)

    def shift(self, rows: Rows, way: str) -> Floats:
        """(n,) what is added to the rate of each row's bucket."""
        if way == "label" and self.models:
            parts = [
                model.predict(rows.codes, log_odds(plain[rows.bucket], LEAST)) - plain[rows.bucket]
                for model, plain in self.models
            ]
            return np.asarray(np.mean(parts, axis=0), np.float64)
        if way == "weighted":
            return np.asarray((self.again - self.plain)[rows.bucket], np.float64)
        return np.zeros(len(rows.bucket))


def density(reference: Rows, current: Rows, bins: Sizes, heavy: Floats | None = None) -> Floats:
    """How many current rows there are to one of the reference where each of its rows lies; mean 1.

    A classifier tells the two sides apart, for each half of the rows learnt from the other.

    Parameters
    ----------
    reference, current : rows of both sides
    heavy : (m,) weights of the current rows; None: all alike

    References
    ----------
    Sugiyama, Suzuki, Kanamori (2012), Density Ratio Estimation in Machine Learning, chapter 4.

    """
    n, m = len(reference.bucket), len(current.bucket)
    codes = np.vstack([reference.codes, current.codes])
    side = np.concatenate([np.zeros(n), np.ones(m)])
    mine = np.ones(m) if heavy is None else heavy
    weights = np.concatenate([np.ones(n), mine * n / max(float(mine.sum()), 1e-300)])
    half = np.arange(n + m) % 2
    chance = np.empty(n + m)
    for h in (0, 1):
        learn = half != h
        model = fit(codes[learn], side[learn], bins.sizes, bins.categories, DENSITY, weights=weights[learn])
        chance[~learn] = model.predict(codes[~learn])
    ratio = np.minimum(chance[:n] / np.maximum(1 - chance[:n], 1e-9), HEAVIEST)
    return np.asarray(ratio / max(float(ratio.mean()), 1e-300), np.float64)


def _rates(bucket: Ints, label: Floats, weight: Floats | None = None) -> Floats:
    heavy = np.ones(len(label)) if weight is None else weight
    return isotonic(np.bincount(bucket, heavy, BUCKETS), np.bincount(bucket, heavy * label, BUCKETS))


def _effective(weight: Floats) -> float:
    """Share of the rows that as many unweighed ones would need (Kish)."""
    return float(weight.sum() ** 2 / max(float((weight**2).sum()), 1e-300) / max(len(weight), 1))


def _few(rows: Rows) -> Rows:
    return _part(rows, np.arange(0, len(rows.bucket), max(len(rows.bucket) // LOOK, 1)))


def _part(rows: Rows, at: Ints) -> Rows:
    return Rows(rows.codes[at], rows.bucket[at])


def _chosen(out: dict[str, Floats], label: Floats, weight: Floats, effective: float) -> Choice:
    """The way with the least Brier score, if it beats the bucket by more than its standard error."""
    loss = {way: weight * (label - p) ** 2 for way, p in out.items()}
    brier = {way: float(x.sum() / weight.sum()) for way, x in loss.items()}
    block = np.arange(len(label)) * BLOCKS // len(label)

    def gained(way: str, over: str) -> tuple[float, float]:
        """In Brier score, and its standard error over blocks."""
        each = np.bincount(block, loss[over] - loss[way], BLOCKS) * BLOCKS / weight.sum()
        return float(each.mean()), float(each.std(ddof=1) / np.sqrt(BLOCKS))

    best = "bucket"
    for way in WAYS[1:]:  # the simpler stays where the other is not surely better
        gain, error = gained(way, best)
        best = way if gain > SURE * error else best
    return Choice(best, brier, effective, *(gained(best, "bucket") if best != "bucket" else (0.0, 0.0)))
