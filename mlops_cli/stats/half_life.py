"""How long a model keeps its worth, and how often to retrain it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

LEAST = 6  # windows
FLAT = 1e-9  # of the drop a week: what rounding gives


class HalfLife(NamedTuple):
    """Weeks until the metric has fallen by `drop`: estimate and 90 % bounds, infinite where it does not."""

    slope: float
    low: float
    weeks: float
    high: float
    scale: float


def half_life(
    age_weeks: ArrayLike,
    metric: ArrayLike,
    se: ArrayLike,
    drop: float,
    version: ArrayLike | None = None,
    *,
    higher_is_better: bool = True,
) -> HalfLife:
    """A weighted line of the metric on the model's age.

    Parameters
    ----------
    age_weeks, metric, se : (T,) windows at equal label age
    drop : from which the model is no longer good enough, in the metric's unit
    version : (T,) of the model: each has a level of its own, all have one slope
    higher_is_better : a fall is bad

    Returns
    -------
    HalfLife
        `scale` is the variance beyond `se`, at least 1.

    """
    age, error = np.asarray(age_weeks, np.float64), np.maximum(np.asarray(se, np.float64), 1e-9)
    y = np.asarray(metric, np.float64) * (1.0 if higher_is_better else -1.0)
    kind = np.zeros(len(age)) if version is None else np.asarray(version)
    levels = (kind[:, None] == np.unique(kind)[None, :]).astype(np.float64)
    x, weight = np.column_stack([levels, age]), (1 / error**2)[:, None]
    free = max(len(age) - x.shape[1], 1)
    inverse = np.linalg.pinv((x * weight).T @ x)
    fitted = inverse @ ((x * weight).T @ y)
    scale = max(1.0, float(weight[:, 0] @ (y - x @ fitted) ** 2) / free)
    slope, half = float(fitted[-1]), float(stdtrit(free, 0.95) * np.sqrt(inverse[-1, -1] * scale))
    slopes = (slope - half, slope, slope + half)
    low, weeks, high = (drop / -s if s < -FLAT * drop else float("inf") for s in slopes)
    return HalfLife(slope, low, weeks, high, scale)


def cadence(retrain_cost: float, loss_growth: float) -> float:
    """Weeks between retrains that cost least when the loss a week grows by `loss_growth` with each week.

    Infinite where it does not grow.
    """
    return float(np.sqrt(2 * retrain_cost / loss_growth)) if loss_growth > 0 else float("inf")
