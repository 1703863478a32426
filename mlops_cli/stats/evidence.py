"""The evidence beside a measurement: how likely chance alone gives as much."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.proportion import differs, exceeds

Floats = NDArray[np.float64]


def p_value(
    test: str,
    a: ArrayLike,
    b: ArrayLike,
    c: ArrayLike,
    n: ArrayLike,
    direction: str,
    bound: ArrayLike | None = None,
) -> Floats:
    """P-value of each measurement.

    Parameters
    ----------
    test : which numbers these are
        proportion: a of n rows; b of c rows in the baseline, NaN without one. With a bound the hypothesis is
        that the rate is not beyond it (exact binomial), without, that it is not beyond the baseline's
        (`proportion.differs`);
        chi2: a the statistic, b its degrees of freedom (0: 1, a single bin tells nothing);
        ks: a = D sqrt(nm / (n + m)), Kolmogorov's distribution;
        z: a a standard normal deviate, upwards bad;
        "": counted, not sampled: 0
    a, b, c, n : (...,) broadcast together
    direction : "up", "down" or "both"; of no consequence for chi2 and ks
    bound : (...,) absolute line of a proportion; NaN where the comparison is with the baseline

    Returns
    -------
    (...,) in [0, 1]; NaN where the numbers are missing

    Raises
    ------
    ValueError
        For another test or direction.

    References
    ----------
    Smirnov (1948), Annals of Mathematical Statistics 19, for ks; valid, and too large, where values tie.

    Examples
    --------
    >>> p_value("chi2", [3.84, 0.0], [1.0, 0.0], 0.0, 100, "up").round(3)
    array([0.05, 1.  ])
    >>> p_value("proportion", [30], [10], [1000], [1000], "up") < 0.01
    array([ True])

    """
    if direction not in {"up", "down", "both"}:
        raise ValueError(f"direction must be up, down or both, not {direction}")
    values = (a, b, c, n, np.nan if bound is None else bound)
    x, y, z, rows, line = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in values))
    if test == "":
        return np.zeros(x.shape)
    if test == "proportion":
        return _proportion(x, y, z, rows, line, direction)
    if test in {"chi2", "ks", "z"}:
        return _deviation(test, x, y, direction)
    raise ValueError(f"test must be proportion, chi2, ks, z or nothing, not {test}")


def _proportion(a: Floats, b: Floats, c: Floats, n: Floats, line: Floats, direction: str) -> Floats:
    absolute = np.isfinite(line)
    compared = ~absolute & np.isfinite(b) & np.isfinite(c)
    out = np.full(a.shape, np.nan)
    if absolute.any():
        out[absolute] = exceeds(a[absolute], n[absolute], line[absolute], direction)
    if compared.any():
        out[compared] = differs(a[compared], n[compared], b[compared], c[compared], direction)
    return out


def _deviation(test: str, a: Floats, b: Floats, direction: str) -> Floats:
    from scipy.special import chdtrc, kolmogorov, ndtr  # noqa: PLC0415 - 0.4 s to import

    if test == "chi2":
        return np.where(np.isnan(a + b), np.nan, np.where(b > 0, chdtrc(np.where(b > 0, b, 1), a), 1.0))
    if test == "ks":
        return np.asarray(kolmogorov(a))
    if direction == "both":
        return np.asarray(2 * ndtr(-np.abs(a)))
    return np.asarray(ndtr(-a if direction == "up" else a))
