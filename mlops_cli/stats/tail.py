"""Tail: how often a surprise of this size comes, judged by the series' own past surprises.

A generalised Pareto distribution over the largest absolute surprises, fitted by L-moments (Hosking, Wallis
1987, Technometrics 29), its shape and mean excess drawn towards a mild tail where there are few of them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LEAST = 1.2  # standard deviations: below this nothing is a tail
SHAPE, SHAPE_WEIGHT = 0.2, 20.0  # a mild heavy tail, worth so many exceedances
EXCESS_WEIGHT = 10.0  # exceedances that the normal mean excess is worth
FEWEST = 5  # exceedances up to which the shape is not estimated


@dataclass(frozen=True)
class Tail:
    """One tail a series.

    Parameters
    ----------
    start : (S,) absolute surprise where the tail begins
    share : (S,) of surprises beyond it
    shape, scale : (S,) of the generalised Pareto distribution, shape at least 0.01

    """

    start: Floats
    share: Floats
    shape: Floats
    scale: Floats

    def probability(self, u: ArrayLike) -> Floats:
        """Two-sided chance of a surprise as large as `u`.

        Below the tail's start a normal tail, stretched so that the two meet.

        Parameters
        ----------
        u : (S,) or (S, B) surprises in standard deviations; NaN stays NaN

        Returns
        -------
        shape of `u`, in [0, 1]

        """
        from scipy.special import erfc, ndtri  # noqa: PLC0415 - 0.4 s to import

        size = np.abs(np.asarray(u, np.float64))
        start, share, shape, scale = (_like(a, size) for a in vars(self).values())
        far = share * (1 + shape * np.maximum(size - start, 0) / scale) ** (-1 / shape)
        stretch = -ndtri(np.minimum(share, 0.999) / 2) / start
        near = erfc(np.minimum(size, start) * stretch / np.sqrt(2))
        return np.asarray(np.where(size > start, far, np.where(np.isnan(size), np.nan, near)))

    def width(self, p: ArrayLike) -> Floats:
        """The inverse: the surprise that comes with chance `p`, two-sided; (S,) in standard deviations."""
        from scipy.special import ndtri  # noqa: PLC0415 - 0.4 s to import

        chance = np.asarray(p, np.float64)
        far = self.start + self.scale / self.shape * ((chance / self.share) ** -self.shape - 1)
        near = ndtri(chance / 2) * self.start / ndtri(np.minimum(self.share, 0.999) / 2)
        return np.asarray(np.where(chance >= self.share, near, far))


def _like(a: Floats, size: Floats) -> Floats:
    return a[:, None] if size.ndim == a.ndim + 1 else a


def exceedances(n: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of `n` surprises make the tail: a tenth, at least 5, at most 60 and a hundredth."""
    share = np.minimum(np.maximum(0.1 * n, FEWEST), 60 + 0.01 * n)
    return np.asarray(np.minimum(share, n - 1), np.int64)


def fit_tail(largest: Floats, n: NDArray[np.int64]) -> Tail:
    """The tail of each series.

    Parameters
    ----------
    largest : (S, K) largest absolute surprises in descending order, NaN behind; K more than `exceedances(n)`
    n : (S,) surprises in all, at least 2

    Returns
    -------
    Tail

    Examples
    --------
    >>> tail = fit_tail(np.array([[4.0, 3.0, 2.0, 1.5, 1.4, 1.3, 1.0]]), np.array([50]))
    >>> tail.probability([3.0]).round(3), tail.width(0.001).round(2)
    (array([0.01]), array([5.65]))

    """
    rows = np.arange(len(n))
    start = np.maximum(largest[rows, exceedances(n)], LEAST)
    beyond = largest > start[:, None]
    k = beyond.sum(axis=1)
    excess = np.where(beyond, largest - start[:, None], 0.0)
    some = np.maximum(k, 1)
    mean = excess.sum(axis=1) / some
    # Plotting positions of the ascending order; `excess` is descending: its first has rank k.
    rank = k[:, None] - np.arange(largest.shape[1])
    second = (excess * (1 - (rank - 0.35) / some[:, None])).sum(axis=1) / some
    estimate = np.clip(2 - mean / np.maximum(mean - 2 * second, 1e-12), -0.2, 0.6)
    estimate = np.where(k > FEWEST, estimate, SHAPE)
    shape = np.where(k > 0, (k * estimate + SHAPE_WEIGHT * SHAPE) / (k + SHAPE_WEIGHT), SHAPE)
    shape = np.maximum(shape, 0.01)
    normal = 1 / (start + 1 / start)  # mean excess of a normal tail
    excess_mean = (mean * k + EXCESS_WEIGHT * normal) / (k + EXCESS_WEIGHT)
    return Tail(start, (k + 1) / (n + 1), shape, excess_mean * (1 - shape))
