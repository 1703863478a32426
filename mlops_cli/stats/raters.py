"""Any number of raters an item, answers missing or not: from counts (items, classes), never from pairs."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.agreement import NOTHING, Coefficient
from mlops_cli.stats.distributions import mean_interval, student
from mlops_cli.stats.proportion import Interval

Floats = NDArray[np.float64]
DRAWS, SEED, BLOCK = 2000, 20260131, 64  # of the bootstrap of ordinal alpha


@dataclass(frozen=True)
class Mean:
    """A mean over items with its interval."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class Ceiling:
    """How well the model agrees with people, beside how well they agree with each other.

    `excess` is model-human less human-human, item by item; negative: the model agrees less than people do.
    `items` have two human decisions or more. NaN where there are none.
    """

    items: int
    model_human: Mean
    human_human: Mean
    excess: Mean
    ratio: float


def distances(values: ArrayLike, scale: str, totals: ArrayLike) -> Floats:
    """Squared distances of the classes: 0 for the same.

    Parameters
    ----------
    values : (K,) numbers of the classes (interval and ratio), in their order (ordinal)
    scale : `nominal`, `ordinal`, `interval` or `ratio`
    totals : (K,) how often each was chosen (ordinal)

    Raises
    ------
    ValueError
        For another scale.

    References
    ----------
    Krippendorff (2011), Computing Krippendorff's alpha-reliability.

    """
    counts = np.asarray(totals, np.float64)
    if scale == "nominal":
        return 1 - np.eye(len(counts))
    if scale == "ordinal":
        middle = np.cumsum(counts) - counts / 2
        return np.asarray((middle[:, None] - middle[None]) ** 2)
    at = np.asarray(values, np.float64)
    apart = at[:, None] - at[None]
    if scale == "interval":
        return np.asarray(apart**2)
    if scale != "ratio":
        raise ValueError(f"scale must be nominal, ordinal, interval or ratio, not {scale}")
    both = at[:, None] + at[None]
    return np.where(both == 0, 0.0, apart / np.where(both == 0, 1.0, both)) ** 2


def alpha(
    counts: ArrayLike, scale: str = "nominal", values: ArrayLike | None = None, level: float = 0.95
) -> Coefficient:
    """Krippendorff's alpha.

    The interval is a jackknife over items in closed form; for the ordinal scale, whose distances depend on
    the items drawn, a bootstrap over items with a fixed seed.

    Parameters
    ----------
    counts : (items, K) how many chose each class, any integer type; items with fewer than 2 are left out
    scale, values : as of `distances`; values None: 0, 1, 2 ...
    level : of the interval

    Returns
    -------
    Coefficient
        NaN with reason `one_value` where all chose the same, `one_class` where no item has 2 raters.

    References
    ----------
    Krippendorff (2004), Content Analysis, 11.

    Examples
    --------
    >>> alpha([[2, 0], [2, 0], [0, 2], [1, 1]]).value
    0.5333...

    """
    chosen = np.asarray(counts, np.float64)
    chosen = chosen[chosen.sum(axis=1) >= 2]
    raters, totals = chosen.sum(axis=1), chosen.sum(axis=0)
    n = float(totals.sum())
    if not len(chosen):
        return Coefficient(math.nan, math.nan, NOTHING, math.nan, math.nan, "no_pairs")
    at = np.arange(len(totals)) if values is None else values
    apart = distances(at, scale, totals)
    expected = float(totals @ apart @ totals) / (n * (n - 1))
    if expected == 0:
        return Coefficient(math.nan, math.nan, NOTHING, 0.0, 0.0, "one_value")
    by_item = _quadratic(chosen, apart) / (raters - 1)
    observed = float(by_item.sum()) / n
    value = 1 - observed / expected
    if scale == "ordinal":
        draws = _ordinal_draws(chosen, raters)
        low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2])
        return Coefficient(
            value, float(np.nanstd(draws)), Interval(float(low), float(high)), observed, expected
        )
    left, rest = n - raters, totals @ apart @ totals - 2 * chosen @ apart @ totals + _quadratic(chosen, apart)
    with np.errstate(divide="ignore", invalid="ignore"):
        without = 1 - (by_item.sum() - by_item) / left / (rest / (left * (left - 1)))
    items = len(chosen)
    if items < 2 or not np.isfinite(without).all():
        return Coefficient(value, math.nan, NOTHING, observed, expected, "one_value")
    se = math.sqrt((items - 1) / items * float(((without - without.mean()) ** 2).sum()))
    half = student(level, items - 1) * se
    return Coefficient(value, se, Interval(value - half, min(1.0, value + half)), observed, expected)


def _quadratic(chosen: Floats, apart: Floats) -> Floats:
    return np.asarray(((chosen @ apart) * chosen).sum(axis=1))


def _ordinal_draws(chosen: Floats, raters: Floats) -> Floats:
    """Alpha of resampled items; equal items are drawn together, so the cost is that of the distinct ones."""
    rows, alike = np.unique(np.column_stack([chosen, raters]), axis=0, return_counts=True)
    kinds, sizes, items = rows[:, :-1], rows[:, -1], len(chosen)
    random = np.random.default_rng(SEED)
    out = np.empty(DRAWS)
    for at in range(0, DRAWS, BLOCK):
        drawn = random.multinomial(items, alike / items, size=min(BLOCK, DRAWS - at)).astype(np.float64)
        for i, weight in enumerate(drawn):
            totals = weight @ kinds
            apart = distances((), "ordinal", totals)
            n = float(totals.sum())
            expected = float(totals @ apart @ totals) / (n * (n - 1))
            observed = float(weight @ (_quadratic(kinds, apart) / (sizes - 1))) / n
            out[at + i] = 1 - observed / expected if expected else math.nan
    return out


def ac1_many(counts: ArrayLike, classes: int = 0, level: float = 0.95) -> Coefficient:
    """Gwet's AC1 of any number of raters, answers missing or not.

    Parameters
    ----------
    counts : (items, K) how many chose each class
    classes : all that could have been chosen; 0: K

    References
    ----------
    Gwet (2014), Handbook of Inter-Rater Reliability, 4th edition.

    Examples
    --------
    >>> ac1_many([[2, 0], [2, 0], [0, 2], [1, 1]]).value
    0.5294...

    """
    chosen = np.asarray(counts, np.float64)
    chosen = chosen[chosen.sum(axis=1) >= 1]
    n, q, raters = len(chosen), max(classes, chosen.shape[1]), chosen.sum(axis=1)
    several = raters >= 2
    pairs = int(several.sum())
    if not pairs or q < 2:
        return Coefficient(
            math.nan, math.nan, NOTHING, math.nan, math.nan, "no_pairs" if q > 1 else "one_class"
        )
    agreed = (chosen * (chosen - 1)).sum(axis=1) / np.where(several, raters * (raters - 1), 1)
    share = chosen / raters[:, None]
    common = share.mean(axis=0)
    observed = float(agreed.sum()) / pairs
    expected = float((common * (1 - common)).sum()) / (q - 1)
    value = (observed - expected) / (1 - expected)
    by_item = n / pairs * (agreed - expected * several) / (1 - expected)
    chance = (share * (1 - common)).sum(axis=1) / (q - 1)
    by_item = by_item - 2 * (1 - value) * (chance - expected) / (1 - expected)
    if n < 2:
        return Coefficient(value, math.nan, NOTHING, observed, expected)
    se = math.sqrt(float(((by_item - value) ** 2).sum()) / (n * (n - 1)))
    half = student(level, n - 1) * se
    return Coefficient(value, se, Interval(value - half, min(1.0, value + half)), observed, expected)


def fleiss(counts: ArrayLike) -> float:
    """Fleiss' kappa; NaN where items have different numbers of raters, or fewer than 2.

    References
    ----------
    Fleiss (1971), Psychological Bulletin 76.

    """
    chosen = np.asarray(counts, np.float64)
    raters = chosen.sum(axis=1)
    if not len(chosen) or raters.min() != raters.max() or raters[0] < 2:
        return math.nan
    expected = float(((chosen.sum(axis=0) / chosen.sum()) ** 2).sum())
    observed = float(((chosen * (chosen - 1)).sum(axis=1) / (raters * (raters - 1))).mean())
    return (observed - expected) / (1 - expected) if expected < 1 else math.nan


def ceiling(with_model: ArrayLike, pairs: ArrayLike, raters: ArrayLike, level: float = 0.95) -> Ceiling:
    """Model-human and human-human agreement of the same items.

    Parameters
    ----------
    with_model : (items,) people who chose what the model chose
    pairs : (items,) ordered pairs of people who agree: sum over classes of count * (count - 1)
    raters : (items,) people; items with fewer than 2 are left out
    level : of the t intervals over items

    Examples
    --------
    >>> ceiling([2, 1, 3], [2, 0, 6], [2, 2, 3]).excess.value
    0.1666...

    """
    m = np.asarray(raters, np.float64)
    several = m >= 2
    m = m[several]
    agrees = np.asarray(with_model, np.float64)[several] / m
    human = np.asarray(pairs, np.float64)[several] / (m * (m - 1))
    if not len(m):
        nothing = Mean(math.nan, NOTHING)
        return Ceiling(0, nothing, nothing, nothing, math.nan)
    with_machine, with_people, excess = (
        Mean(float(x.mean()), mean_interval(x, level, low))
        for x, low in ((agrees, 0.0), (human, 0.0), (agrees - human, -1.0))
    )
    ratio = float(agrees.mean() / human.mean()) if human.any() else math.nan
    return Ceiling(len(m), with_machine, with_people, excess, ratio)
