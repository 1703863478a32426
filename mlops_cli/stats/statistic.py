"""DriftStatistic: the shape of a member; Counts: what it is given; Drift: what it says."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Rows of a baseline and of many windows, over the same cells or categories.

    Parameters
    ----------
    reference : (K,) rows of the baseline
    current : (W, K) rows of each window
    low, high : (K,) smallest and largest value of a cell, equal where it is a single value; NaN for
        categories
    ordered : numbers, cells in ascending order (True) or categories in any order (False)
    reference_sd : population standard deviation of the baseline's values; None: not known
    integral : the values are whole numbers

    Raises
    ------
    ValueError
        Where the shapes do not fit.

    """

    reference: Floats
    current: Floats
    low: Floats
    high: Floats
    ordered: bool
    reference_sd: float | None = None
    integral: bool = False

    def __post_init__(self) -> None:
        k = (len(self.reference),)
        if self.current.ndim != 2 or not k == self.current.shape[1:] == self.low.shape == self.high.shape:
            shapes = [a.shape for a in (self.reference, self.current, self.low, self.high)]
            raise ValueError(f"shapes must be (K,), (W, K), (K,), (K,), not {shapes}")


@dataclass(frozen=True)
class Drift:
    """Distance of each window from the baseline; every array is (W,), NaN where nothing can be said.

    Parameters
    ----------
    value : the distance, in the statistic's unit
    expected : what it would be had nothing changed; for the roots (JS, Hellinger, V) the root of the
        expected square
    size : `value` less `expected` (for the roots: root of the difference of the squares), never below 0
    test : "chi2" (a statistic, b degrees of freedom) or "ks" (a = D sqrt(nm / (n + m)), b NaN): the
        evidence, for `stats.evidence.p_value`
    a, b : numbers of the test

    """

    value: Floats
    expected: Floats
    size: Floats
    test: str
    a: Floats
    b: Floats


@dataclass(frozen=True)
class DriftStatistic:
    """One statistic of drift.

    Parameters
    ----------
    title : its name in full
    unit : share (0 to 1), nats, or sd (of the baseline)
    types : of the fields it is defined for: number, category
    help : one sentence, without a full stop
    formula : plain text
    source : where the method comes from
    compute : Counts → Drift, all windows at once

    """

    title: str
    unit: str
    types: tuple[str, ...]
    help: str
    formula: str
    source: str
    compute: Callable[[Counts], Drift]
