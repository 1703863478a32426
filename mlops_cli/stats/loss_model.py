"""The error of a prediction learnt from its inputs: what errors are to be expected before labels come."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.booster import LOSS, Bins, Booster, fit
from mlops_cli.stats.calibration import DEVIATE

Floats = NDArray[np.float64]
FOLDS = 3  # contiguous in time
BINS = 64


@dataclass(frozen=True)
class Expected:
    """Mean loss of a window, and half of its 95 % band."""

    value: float
    half: float


class LossModel:
    """Mean of a loss given prediction and fields.

    Parameters
    ----------
    columns : of the labelled reference, in time order: the prediction first, then the fields
    loss : (n,) |error|, or its square
    blocks : of time in the reference, for the backtest

    """

    def __init__(self, columns: Sequence[ArrayLike], loss: ArrayLike, blocks: int = 10) -> None:
        y = np.asarray(loss, np.float64)
        self.bins = Bins(columns, BINS)
        codes = self.bins.codes(columns)
        sizes, categories = self.bins.sizes, self.bins.categories
        self.model = fit(codes, y, sizes, categories, LOSS)
        fold = np.arange(len(y)) * FOLDS // max(len(y), 1)
        self.folds: list[Booster] = []
        out = np.empty(len(y))
        for k in range(FOLDS):
            mine = fold == k
            model = fit(codes[~mine], y[~mine], sizes, categories, LOSS)
            out[mine] = model.predict(codes[mine])
            self.folds.append(model)
        self.spread = float(np.var(y - out))
        block = np.arange(len(y)) * blocks // max(len(y), 1)
        n = np.bincount(block, minlength=blocks)
        off = np.bincount(block, y - out, blocks) / np.maximum(n, 1)
        self.misfit = max(0.0, float(np.mean(off[n > 0] ** 2 - self.spread / n[n > 0])))

    def estimate(self, columns: Sequence[ArrayLike]) -> Expected:
        """The mean loss that is to be expected of these rows."""
        codes = self.bins.codes(columns)
        value = float(self.model.predict(codes).mean())
        other = np.array([m.predict(codes).mean() for m in self.folds])
        variance = self.spread / len(codes) + self.misfit + 1.5 * float(np.var(other))
        return Expected(value, DEVIATE * float(np.sqrt(variance)))
