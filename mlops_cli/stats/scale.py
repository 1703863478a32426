"""Scale: a measurement on the scale where its noise adds, and how much of it is sampling."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LARGEST = 700.0  # a logarithm whose number is finite
KINDS = ("rate", "count", "quantile", "mean_log", "mean", "gauge")


def transform(kind: str, x: ArrayLike, n: ArrayLike = 0.0, se: ArrayLike = 0.0) -> tuple[Floats, Floats]:
    """A value on its additive scale, and its sampling variance there.

    Parameters
    ----------
    kind : of KINDS: rate (arcsine of the root, Anscombe 1948), count and quantile and mean_log (logarithm),
        mean and gauge (as it is; a gauge has no sampling variance)
    x : (...,) values; NaN stays NaN
    n : (...,) rows, of rates
    se : (...,) standard errors, of means and quantiles

    Returns
    -------
    y, variance : both of the common shape

    Raises
    ------
    ValueError
        For another kind.

    """
    value, rows, error = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (x, n, se)))
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "rate":
            share = (value * rows + 0.375) / (rows + 0.75)
            return 2 * np.arcsin(np.sqrt(np.clip(share, 0, 1))), 1 / (rows + 0.5)
        if kind == "count":
            return np.log(value + 0.5), 1 / (value + 0.5)
        if kind in {"quantile", "mean_log"}:
            y = np.where(value > 0, np.log(np.where(value > 0, value, 1)), np.nan)
            return y, (error / value) ** 2
        if kind == "mean":
            return np.array(value), error**2
    if kind == "gauge":
        return np.array(value), np.zeros(value.shape)
    raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind}")


def back(kind: str, y: ArrayLike, n: ArrayLike = 1e9) -> Floats:
    """The inverse of `transform`: (...,) a value; a rate is kept in [0, 1], a count at 0 or more."""
    scaled = np.asarray(y, np.float64)
    if kind == "rate":
        rows = np.asarray(n, np.float64)
        share = np.sin(np.clip(scaled, 0, np.pi) / 2) ** 2
        return np.clip((share * (rows + 0.75) - 0.375) / rows, 0, 1)
    if kind == "count":
        return np.maximum(np.exp(np.minimum(scaled, LARGEST)) - 0.5, 0)
    if kind in {"quantile", "mean_log"}:
        return np.exp(np.minimum(scaled, LARGEST))
    return scaled


def effect(kind: str, centre: ArrayLike, relative: ArrayLike, absolute: ArrayLike) -> Floats:
    """A change of size `max(relative * centre, absolute)`, on the additive scale.

    Parameters
    ----------
    kind : of KINDS
    centre : (...,) value that the change is one of, in the metric's unit
    relative : (...,) share of the centre, at least 0
    absolute : (...,) in the metric's unit, at least 0

    Returns
    -------
    (...,) at least 0

    """
    value = np.asarray(centre, np.float64)
    move: Callable[[Floats], Floats] = lambda v: transform(kind, v, 1e9)[0]  # noqa: E731
    change = np.maximum(np.asarray(relative) * np.abs(value), np.asarray(absolute))
    if kind == "rate":
        value = np.clip(value, 0, 1)
        change = np.minimum(change, 1 - value)
    return np.asarray(np.abs(move(value + change) - move(value)))
