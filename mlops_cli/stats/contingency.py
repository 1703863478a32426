"""Chi-square of the 2 x k table of a baseline and a window: the statistic, and the evidence in it."""

import numpy as np

from mlops_cli.stats.bins import Bins
from mlops_cli.stats.statistic import Floats

REGULAR = 5.0  # rows expected in every cell of the table (Cochran 1954, Biometrics 10)


def chi_square(rows: Bins) -> tuple[Floats, Floats]:
    """Pearson's statistic of homogeneity without correction, and its degrees of freedom.

    Parameters
    ----------
    rows : reference (k,) or (W, k), current (W, k)

    Returns
    -------
    statistic, degrees : (W,) both
        degrees = bins that are not empty, less 1; NaN where a sample is empty.

    Examples
    --------
    >>> chi_square(Bins(np.array([10.0, 20, 30]), np.array([[6.0, 9, 15]])))
    (array([0.19396552]), array([2.]))

    """
    n = np.broadcast_to(rows.reference.sum(axis=-1), (len(rows.current),))
    m = rows.current.sum(axis=1)
    together = rows.reference + rows.current
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = rows.reference / n[:, None] - rows.current / m[:, None]
        parts = apart**2 * (n * m)[:, None] / together
    statistic = np.where(together > 0, parts, 0.0).sum(axis=1)
    degrees = (together > 0).sum(axis=1) - 1.0
    empty = (n == 0) | (m == 0)
    return np.where(empty, np.nan, statistic), np.where(empty, np.nan, degrees)


def evidence(rows: Bins) -> tuple[Floats, Floats]:
    """Statistic and degrees of freedom whose chi-square tail is the p-value.

    Where each cell of the table expects 5 rows or more: Pearson's. Else both are scaled so that mean and
    variance are those of the statistic given the table's margins, which few rows in many bins need.

    Parameters
    ----------
    rows : reference and current, both (W, k): the bins of `bins.pooled`

    Returns
    -------
    a, b : (W,) both; b = 0 where a single bin is left: no evidence either way. NaN where a sample is empty.

    References
    ----------
    Haldane (1940), Biometrika 31, 346; Dawson (1954), Applied Statistics 3: the exact moments.

    """
    statistic, degrees = chi_square(rows)
    n, m = rows.reference.sum(axis=1), rows.current.sum(axis=1)
    total, bins = n + m, degrees + 1
    together = rows.reference + rows.current
    with np.errstate(divide="ignore", invalid="ignore"):
        least = np.where(together > 0, together, np.inf).min(axis=1, initial=np.inf)
        mean = degrees * total / (total - 1)
        inverse = np.where(together > 0, 1 / together, 0.0).sum(axis=1)
        v1, w1 = (total - 2) / (total - 1), (total / n + total / m - 4) / (total - 2)
        v2, w2 = degrees * (total - bins) / (total - 1), (total * inverse - bins**2) / (total - 2)
        variance = 2 * total / (total - 3) * (v1 - w1) * (v2 - w2) + total**2 / (total - 1) * w1 * w2
        scale = 2 * mean / variance
        regular = least * np.minimum(n, m) / total >= REGULAR
    scaled = (total > 3) & (variance > 0) & ~regular
    a = np.where(scaled, statistic * scale, statistic)
    b = np.where(scaled, mean * scale, degrees)
    return a, b
