"""The error of a prediction learnt from its inputs: what errors are to be expected before labels come."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.booster import LOSS, Bins, Booster, fit
from mlops_cli.stats.calibration import DEVIATE

Floats = NDArray[np.float64]
T = TypeVar("T", bound=Any)  # what can be added, multiplied and raised to a power
POWERS = (1, 2, 4)  # of what each fit expects, as `Asked` has their sums
FOLDS = 3  # contiguous in time
BINS = 64
FOLD_SPREAD = 1.5  # the folds share two thirds of their rows: their variance is that much too small


@dataclass(frozen=True)
class Expected:
    """Mean loss of a window, and half of its 95 % band."""

    value: float
    half: float


class LossModel:
    """Mean size of an error given prediction and fields: one fit on all rows, and one without each fold.

    Parameters
    ----------
    columns : of the labelled reference, in time order: the prediction first, then the fields
    loss : (n,) |error|

    References
    ----------
    Friedman (2001), Annals of Statistics 29.

    """

    def __init__(self, columns: Sequence[ArrayLike], loss: ArrayLike) -> None:
        y = np.asarray(loss, np.float64)
        self.bins = Bins(columns, BINS)
        codes = self.bins.codes(columns)
        sizes, categories = self.bins.sizes, self.bins.categories
        fold = np.arange(len(y)) * FOLDS // max(len(y), 1)
        self.models: list[Booster] = [fit(codes, y, sizes, categories, LOSS)]
        self.out = np.empty(len(y))  # for each row of the reference by the fit that did not see it
        for k in range(FOLDS):
            mine = fold == k
            model = fit(codes[~mine], y[~mine], sizes, categories, LOSS)
            self.out[mine] = model.predict(codes[mine])
            self.models.append(model)

    def predict(self, columns: Sequence[ArrayLike]) -> Floats:
        """(1 + FOLDS, n) expected size of the error of each row, the fit on all rows first."""
        codes = self.bins.codes(columns)
        return np.array([model.predict(codes) for model in self.models])


def terms(e: T, o: T) -> dict[str, T]:
    """What is added up of the size e of an error and of what was learnt without it, o: of arrays, columns."""
    return {
        "e": e, "e2": e**2, "e4": e**4, "o": o, "o2": o**2, "o4": o**4, "gap2": (e - o) ** 2,
        "cross": e**2 * o**2,
    }  # fmt: skip


@dataclass(frozen=True)
class Known:
    """Sums over labelled rows by block of time, all (K,): rows, and the `terms` of each."""

    n: Floats
    e: Floats
    e2: Floats
    e4: Floats
    o: Floats
    o2: Floats
    o4: Floats
    gap2: Floats
    cross: Floats

    @property
    def ratio(self) -> float:
        """Mean square of the errors over that of what was expected: the shape of their distribution."""
        return float(self.e2.sum() / max(self.o2.sum(), 1e-300))


TERMS = tuple(f.name for f in fields(Known) if f.name != "n")


@dataclass(frozen=True)
class Asked:
    """Sums over a sample of a window: (1 + FOLDS,) of what each fit expects, of its square and fourth power.

    `n` rows of the sample, out of `rows` of the window.
    """

    n: float
    rows: float
    f: Floats
    f2: Floats
    f4: Floats


def mean_error(known: Known, asked: Asked) -> Expected:
    """Mean size of the errors of a window, with the band of chance, folds, sample and backtest."""
    noise = float(known.gap2.sum() / known.n.sum())
    off = known.e / known.n - known.o / known.n
    misfit = max(0.0, float(np.mean(off**2 - noise / known.n)))
    return _expected(noise, misfit, asked, asked.f, asked.f2)


def root_mean_square(known: Known, asked: Asked) -> Expected:
    """Root mean square of the errors of a window.

    The square of an error is expected to be `ratio` times that of its expected size: errors differ in scale
    from row to row, in shape they do not. So one model serves both metrics.
    """
    k = known.ratio
    noise = float((known.e4 - 2 * k * known.cross + k**2 * known.o4).sum() / known.n.sum())
    off = known.e2 / known.n - k * known.o2 / known.n
    misfit = max(0.0, float(np.mean(off**2 - noise / known.n)))
    square = _expected(noise, misfit, asked, k * asked.f2, k**2 * asked.f4)
    root = float(np.sqrt(max(square.value, 0.0)))
    return Expected(root, square.half / (2 * root) if root > 0 else float("nan"))


def _expected(noise: float, misfit: float, asked: Asked, f: Floats, f2: Floats) -> Expected:
    means = f / asked.n
    spread = max(float(f2[0] / asked.n - means[0] ** 2), 0.0)
    left = max(1 - asked.n / max(asked.rows, asked.n), 0.0)  # of the window, that the sample does not hold
    variance = noise / max(asked.rows, asked.n) + misfit + FOLD_SPREAD * float(np.var(means[1:]))
    return Expected(float(means[0]), DEVIATE * float(np.sqrt(variance + left * spread / asked.n)))
