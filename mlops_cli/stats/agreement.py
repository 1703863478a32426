"""Two raters of the same items, from their square table of counts (rows the first, columns the second)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.distributions import deviate, student
from mlops_cli.stats.proportion import Interval

Floats = NDArray[np.float64]
EDGE = 1 - 1e-6  # kappa as atanh takes it


@dataclass(frozen=True)
class Coefficient:
    """Agreement beyond chance.

    Parameters
    ----------
    value : at most 1; NaN where chance alone agrees fully
    se : standard error; NaN where `value` is
    interval : (NaN, NaN) where `value` is NaN
    observed, expected : share of agreement seen, and expected by chance
    reason : why there is no value, `one_class`; else empty

    """

    value: float
    se: float
    interval: Interval
    observed: float
    expected: float
    reason: str = ""


NOTHING = Interval(math.nan, math.nan)


def weights(classes: int, kind: str, values: ArrayLike | None = None) -> Floats:
    """Credit for a pair of classes: 1 on the diagonal, 0 for the farthest pair.

    Parameters
    ----------
    classes : K
    kind : `nominal`, `linear` (1 - distance) or `quadratic` (1 - distance squared)
    values : (K,) positions of the classes; None: 0, 1, 2 ...

    Raises
    ------
    ValueError
        For another kind.

    """
    at = np.arange(classes, dtype=np.float64) if values is None else np.asarray(values, np.float64)
    apart = np.abs(at[:, None] - at[None])
    widest = float(at.max() - at.min()) if classes else 0.0
    if kind == "nominal" or widest == 0:
        return np.eye(classes)
    if kind not in {"linear", "quadratic"}:
        raise ValueError(f"kind must be nominal, linear or quadratic, not {kind}")
    return 1 - (apart / widest) ** (1 if kind == "linear" else 2)


def kappa(
    table: ArrayLike, kind: str = "nominal", values: ArrayLike | None = None, level: float = 0.95
) -> Coefficient:
    """Cohen's kappa, weighted or not.

    The interval adds 2/K² to each cell and takes the delta method on atanh: at a prevalence of 2 % and 50
    items it covers 0.98 where the plain one covers 0.58. `value` and `se` are the plain ones.

    Parameters
    ----------
    table : (K, K) counts
    kind, values : as of `weights`
    level : of the interval

    References
    ----------
    Cohen (1968), Psychological Bulletin 70; Fleiss, Cohen, Everitt (1969), Psychological Bulletin 72.

    Examples
    --------
    >>> kappa([[20, 5], [10, 15]]).value
    0.3999...

    """
    counts = np.asarray(table, np.float64)
    credit = weights(len(counts), kind, values)
    value, se, observed, expected = _kappa(counts, credit)
    if math.isnan(value):
        return Coefficient(value, value, NOTHING, observed, expected, "one_class")
    near, near_se, _, _ = _kappa(counts + 2 / len(counts) ** 2, credit)
    near = min(max(near, -EDGE), EDGE)
    half = deviate(level) * near_se / (1 - near * near)
    interval = Interval(math.tanh(math.atanh(near) - half), math.tanh(math.atanh(near) + half))
    return Coefficient(value, se, interval, observed, expected)


def _kappa(counts: Floats, credit: Floats) -> tuple[float, float, float, float]:
    n = float(counts.sum())
    if n == 0:
        return math.nan, math.nan, math.nan, math.nan
    share = counts / n
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    observed = float((credit * share).sum())
    expected = float((credit * np.outer(rows, columns)).sum())
    if math.isclose(expected, 1, abs_tol=1e-12):
        return math.nan, math.nan, observed, expected
    value = (observed - expected) / (1 - expected)
    by_row, by_column = credit @ columns, rows @ credit
    spread = credit - (by_row[:, None] + by_column[None]) * (1 - value)
    variance = float((share * spread**2).sum()) - (value - expected * (1 - value)) ** 2
    return value, math.sqrt(max(variance, 0) / n) / (1 - expected), observed, expected


def ac1(table: ArrayLike, classes: int = 0, level: float = 0.95) -> Coefficient:
    """Gwet's AC1, which stays sensible where nearly all items are of one class.

    Parameters
    ----------
    table : (K, K) counts
    classes : all that could have been chosen, also those never seen (they change the value); 0: K
    level : of the t interval

    References
    ----------
    Gwet (2008), British Journal of Mathematical and Statistical Psychology 61, 29.

    Examples
    --------
    >>> ac1([[118, 5], [2, 0]]).value
    0.9407...

    """
    counts = np.asarray(table, np.float64)
    n, q = float(counts.sum()), max(classes, len(counts))
    if n == 0 or q < 2:
        return Coefficient(math.nan, math.nan, NOTHING, 1.0 if n else math.nan, math.nan, "one_class")
    share = counts / n
    both = (share.sum(axis=0) + share.sum(axis=1)) / 2
    diagonal = np.diag(share)
    observed = float(diagonal.sum())
    expected = float((both * (1 - both)).sum()) / (q - 1)
    value = (observed - expected) / (1 - expected)
    squares = float((share * (1 - (both[:, None] + both[None]) / 2) ** 2).sum())
    variance = observed * (1 - observed)
    variance -= 4 * (1 - value) * (float((diagonal * (1 - both)).sum()) / (q - 1) - observed * expected)
    variance += 4 * (1 - value) ** 2 * (squares / (q - 1) ** 2 - expected**2)
    se = math.sqrt(max(variance, 0) / n) / (1 - expected)
    half = student(level, n - 1) * se if se else 0.0
    return Coefficient(value, se, Interval(value - half, min(1.0, value + half)), observed, expected)


def specific(table: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Agreement on each class: of the times one rater chose it, how often the other did too.

    Parameters
    ----------
    table : (K, K) counts
    level : of the interval

    Returns
    -------
    value, low, high : (K,) in [0, 1]; NaN for a class that nobody chose
        The interval is a jackknife over items, in closed form: items of one cell are alike.

    References
    ----------
    Uebersax (1982), Educational and Psychological Measurement 42.

    """
    counts = np.asarray(table, np.float64)
    n = float(counts.sum())
    both, chosen = np.diag(counts), counts.sum(axis=1) + counts.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = 2 * both / chosen
        # Without one item on which both chose it; on which one of them did; all others leave it as it is.
        without_both, without_one = (2 * both - 2) / (chosen - 2), 2 * both / (chosen - 1)
    alike, single = both, chosen - 2 * both
    without_both, without_one = (
        np.where(k > 0, np.nan_to_num(x, nan=1.0), value)
        for k, x in ((alike, without_both), (single, without_one))
    )
    rest = n - alike - single
    mean = (alike * without_both + single * without_one + rest * value) / max(n, 1)
    spread = alike * (without_both - mean) ** 2 + single * (without_one - mean) ** 2
    spread += rest * (value - mean) ** 2
    half = student(level, n - 1) * np.sqrt((n - 1) / max(n, 1) * spread) if n > 1 else np.full(len(both), 1.0)
    return value, np.maximum(0, value - half), np.minimum(1, value + half)


def error_consistency(both_right: int, only_first: int, only_second: int, both_wrong: int) -> float:
    """Kappa of two deciders being right: near 0 their errors are independent, 1 they err on the same items.

    NaN where one of them is always right or always wrong together with the other.

    References
    ----------
    Geirhos, Meding, Wichmann (2020), Advances in Neural Information Processing Systems 33.

    """
    return kappa([[both_right, only_first], [only_second, both_wrong]]).value
