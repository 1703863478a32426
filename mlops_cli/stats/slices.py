"""Slices of items that go wrong more often than the rest, many at a time."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.distributions import deviate
from mlops_cli.stats.proportion import Interval, differs

Floats = NDArray[np.float64]


def adjusted(p: ArrayLike, m: int | None = None) -> Floats:
    """P-values as the false discovery rate at which each would just be rejected.

    Parameters
    ----------
    p : (k,) p-values
    m : hypotheses in all, at least k; those not in p count as 1

    Returns
    -------
    (k,) in [0, 1], in the order of p

    References
    ----------
    Benjamini, Hochberg (1995), Journal of the Royal Statistical Society B 57.

    Examples
    --------
    >>> adjusted([0.01, 0.04, 0.03, 0.005])
    array([0.02, 0.04, 0.04, 0.02])

    """
    values = np.asarray(p, np.float64)
    order = np.argsort(values, kind="stable")
    total = len(values) if m is None else m
    scaled = values[order] * total / np.arange(1, len(values) + 1)
    out = np.empty(len(values))
    out[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return out


def more_often(k: ArrayLike, n: ArrayLike, events: int, items: int) -> Floats:
    """P-value that a slice of n items holds k of all events by chance: the hypergeometric upper tail.

    Parameters
    ----------
    k, n : (s,) events and items of each slice
    events, items : of all items, the slice's among them

    Returns
    -------
    (s,) in [0, 1]; 1 for a slice of all items or of none

    Examples
    --------
    >>> more_often([8], [10], 10, 20)
    array([0.0115...])

    """
    inside, size = np.asarray(k, np.float64), np.asarray(n, np.float64)
    p = differs(inside, size, events - inside, items - size, "up")
    return np.nan_to_num(p, nan=1.0)


def risk_ratio(
    k: float, n: float, events: float, items: float, level: float = 0.95
) -> tuple[float, Interval]:
    """Rate of a slice against the rate of the rest, with the interval on the log scale.

    Half an event is added to each count where one is 0; NaN where the slice or the rest is empty.

    References
    ----------
    Katz, Baptista, Azen, Pike (1978), Biometrics 34.

    Examples
    --------
    >>> risk_ratio(8, 10, 10, 20)[0]
    4.0

    """
    others, rest = events - k, items - n
    if not n or not rest:
        return float("nan"), Interval(float("nan"), float("nan"))
    a, b, c, d = (k, n, others, rest) if k and others else (k + 0.5, n + 0.5, others + 0.5, rest + 0.5)
    ratio = (a / b) / (c / d)
    half = deviate(level) * max(1 / a - 1 / b + 1 / c - 1 / d, 0) ** 0.5
    return ratio, Interval(ratio * float(np.exp(-half)), ratio * float(np.exp(half)))
