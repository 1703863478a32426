"""Performance without labels: what calibrated scores let expect, with a band that a backtest has widened."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
NAMES = ("auc", "accuracy", "precision", "recall", "f1")
DEVIATE = 1.96  # 95 %, both sides
BLOCKS = (5, 20)  # of time, in the reference
CLASS = 200  # positives and negatives that a reference needs
NOVEL = 20.0  # times the reference's share, from which a bin is one that the reference hardly knew
NOVEL_SHARE = 0.10
RECORD = (3, 2)  # of the last labelled windows, so many outside their band withdraw the estimate


def isotonic(n: ArrayLike, positives: ArrayLike) -> Floats:
    """Rate of positives by bucket, not falling; an empty bucket lies between its neighbours.

    Parameters
    ----------
    n, positives : (B,) counts by bucket of rising score

    Returns
    -------
    (B,) NaN where there is no row at all

    References
    ----------
    Ayer et al. (1955), Annals of Mathematical Statistics 26: pool adjacent violators.

    """
    rows, yes = np.asarray(n, np.float64), np.asarray(positives, np.float64)
    used = np.flatnonzero(rows > 0)
    if not len(used):
        return np.full(len(rows), np.nan)
    pools: list[tuple[float, float, int]] = []
    for w, k in zip(rows[used].tolist(), yes[used].tolist(), strict=True):
        weight, hits, size = w, k, 1
        while pools and pools[-1][1] * weight >= hits * pools[-1][0]:
            before = pools.pop()
            weight, hits, size = weight + before[0], hits + before[1], size + before[2]
        pools.append((weight, hits, size))
    fitted = np.repeat([k / w for w, k, _ in pools], [size for *_, size in pools])
    return np.asarray(np.interp(np.arange(len(rows)), used, fitted), np.float64)


class Expected(NamedTuple):
    """Values by metric, and how each changes when a negative of a bucket becomes a positive."""

    values: Mapping[str, float]
    slopes: Mapping[str, Floats]


def expected(positives: Floats, negatives: Floats, cut: int) -> Expected:
    """Metrics of (fractional) counts by bucket of rising score.

    Parameters
    ----------
    positives, negatives : (B,)
    cut : first bucket that is predicted positive

    """
    ones, zeros = float(positives.sum()), float(negatives.sum())
    rows, said = ones + zeros, np.arange(len(positives)) >= cut
    below = np.cumsum(negatives) - negatives / 2
    above = ones - np.cumsum(positives) + positives / 2
    pairs, tp, called = float(positives @ below), float(positives[said].sum()), 0.0
    called = tp + float(negatives[said].sum())
    union = called + ones  # twice the true positives, and both kinds of error
    nan, flat = float("nan"), np.zeros(len(positives))
    both = ones > 0 and zeros > 0
    right = tp + zeros - (called - tp)
    values = {
        "auc": pairs / (ones * zeros) if both else nan,
        "accuracy": right / rows if rows > 0 else nan,
        "precision": tp / called if called > 0 else nan,
        "recall": tp / ones if ones > 0 else nan,
        "f1": 2 * tp / union if tp > 0 else nan,
    }
    slopes: dict[str, Floats] = {
        "auc": (below - above - pairs * (1 / ones - 1 / zeros)) / (ones * zeros) if both else flat,
        "accuracy": np.where(said, 1.0, -1.0) / max(rows, 1e-9),
        "precision": said / max(called, 1e-9),
        "recall": np.asarray((said - tp / max(ones, 1e-9)) / max(ones, 1e-9), np.float64),
        "f1": 2 * said / max(union, 1e-9) - 2 * tp / max(union, 1e-9) ** 2,
    }
    return Expected(values, slopes)


class Part(NamedTuple):
    """An estimate and what its variance is made of: labels, calibration, misfit in the backtest.

    `apart`: how far a second opinion lies from it; the band is widened by so much.
    """

    value: float
    sampling: float
    calibration: float
    misfit: float
    apart: float = 0.0

    @property
    def half(self) -> float:
        """Half of the 95 % band."""
        return DEVIATE * float(np.sqrt(self.sampling + self.calibration + self.misfit)) + self.apart


@dataclass(frozen=True)
class Reference:
    """Labelled counts by block of time and bucket of rising score, and the cut of the predictions.

    Parameters
    ----------
    rows, positives : (K, B) blocks of time, at least two
    cut : first bucket that is predicted positive

    """

    rows: Floats
    positives: Floats
    cut: int

    @cached_property
    def fitted(self) -> Floats:
        """Calibrated rate by bucket."""
        return isotonic(self.rows.sum(axis=0), self.positives.sum(axis=0))

    @cached_property
    def without(self) -> list[Floats]:
        """The same without each block."""
        n, k = self.rows.sum(axis=0), self.positives.sum(axis=0)
        return [isotonic(n - a, k - b) for a, b in zip(self.rows, self.positives, strict=True)]

    @cached_property
    def misfit(self) -> dict[str, float]:
        """What the backtest's errors have beyond chance, as a variance, by metric."""
        errors: dict[str, list[float]] = {name: [] for name in NAMES}
        for n, k, rate in zip(self.rows, self.positives, self.without, strict=True):
            guess, spread = _chance(n, rate, self.cut)
            truth = expected(k, n - k, self.cut).values
            for name in NAMES:
                errors[name].append((guess[name] - truth[name]) ** 2 - spread[name])
        kept = {name: [e for e in found if np.isfinite(e)] for name, found in errors.items()}
        return {name: max(0.0, float(np.mean(e))) if e else float("nan") for name, e in kept.items()}

    @property
    def lacking(self) -> str:
        """Why nothing may be estimated from it; empty where something may."""
        ones = int(self.positives.sum())
        zeros = int(self.rows.sum()) - ones
        if len(self.rows) < BLOCKS[0]:
            return f"reference-too-small: {len(self.rows)} labelled windows, {BLOCKS[0]} needed"
        if min(ones, zeros) < CLASS:
            return f"reference-too-small: {ones} positive and {zeros} negative labels, {CLASS} of each needed"
        return ""

    def estimate(
        self, rows: ArrayLike, shift: Floats | None = None, second: Floats | None = None
    ) -> dict[str, Part]:
        """What the metrics of these rows probably are.

        Parameters
        ----------
        rows : (B,) counts by bucket, without labels
        shift : (B,) what a correction for a shift of the inputs adds to the calibrated rates
        second : (B,) what a second opinion adds

        """
        n = np.asarray(rows, np.float64)
        rate = self.fitted if shift is None else np.clip(self.fitted + shift, 0.0, 1.0)
        values, sampling = _chance(n, rate, self.cut)
        apart = dict.fromkeys(NAMES, 0.0)
        for other in () if second is None else (self.fitted, np.clip(self.fitted + second, 0.0, 1.0)):
            told = expected(n * other, n * (1 - other), self.cut).values
            apart = {k: max(apart[k], float(np.nan_to_num(abs(told[k] - values[k])))) for k in NAMES}
        left = _values(n, np.array(self.without), self.cut)
        out = {}
        for name in NAMES:
            spread = jackknife(left[name])
            out[name] = Part(values[name], sampling[name], spread, self.misfit[name], apart[name])
        return out


def novel(current: ArrayLike, reference: ArrayLike) -> float:
    """Share of the current rows in bins that the reference hardly knew, NaN where either has no row."""
    mine, theirs = np.asarray(current, np.float64), np.asarray(reference, np.float64)
    if not (mine.sum() > 0 and theirs.sum() > 0):
        return float("nan")
    p, q = mine / mine.sum(), theirs / theirs.sum()
    return float(p[p > NOVEL * q].sum())


def jackknife(each: Floats) -> float:
    """Variance of an estimate from the (K,) that leave out one block each."""
    return (len(each) - 1) / len(each) * float(((each - each.mean()) ** 2).sum())


def _values(n: Floats, rates: Floats, cut: int) -> dict[str, Floats]:
    """The values of `expected` for (K, B) rates at once; NaN where a metric is not defined."""
    yes, no = n * rates, n * (1 - rates)
    ones, zeros = yes.sum(axis=1), no.sum(axis=1)
    tp, fp = yes[:, cut:].sum(axis=1), no[:, cut:].sum(axis=1)
    pairs = (yes * (np.cumsum(no, axis=1) - no / 2)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "auc": pairs / (ones * zeros),
            "accuracy": (tp + zeros - fp) / (ones + zeros),
            "precision": tp / (tp + fp),
            "recall": tp / ones,
            "f1": np.where(tp > 0, 2 * tp / (tp + fp + ones), np.nan),
        }


def _chance(n: Floats, rate: Floats, cut: int) -> tuple[dict[str, float], dict[str, float]]:
    """Expected metrics, and their variance when each label is a coin of its bucket."""
    found = expected(n * rate, n * (1 - rate), cut)
    coin = n * rate * (1 - rate)
    return dict(found.values), {name: float(g**2 @ coin) for name, g in found.slopes.items()}
