"""The confidence above which the machine may decide alone, with a guarantee from finitely many items.

Promise: with probability 1 - delta over the log, the error among decisions at or above the threshold is at
most the target (or the machine at most the margin worse than people on the same items). Every distinct
confidence is tested from the surest down; a fallback over a few starting coverages keeps a handful of wrong
but confident items from ending the search at once.

References
----------
Wiens, Dmitrienko (2005), Journal of Biopharmaceutical Statistics 15 (fallback); Angelopoulos, Bates, Candès,
Jordan, Lei (2025), Annals of Applied Statistics (learn then test).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.distributions import mean_interval, student_upper, upper_bound
from mlops_cli.stats.paired import not_worse
from mlops_cli.stats.selective import Steps

Floats = NDArray[np.float64]
Test = Callable[[slice], Floats]  # steps → p-values of the hypothesis that the promise is broken there

STARTS = (0.1, 0.2, 0.4, 0.7)  # coverages; each begins with its share of delta
CHUNK = 4096  # steps tested at once


@dataclass(frozen=True)
class Chosen:
    """The certified step: its index, threshold, what is accepted there, and the p-value."""

    step: int
    threshold: float
    coverage: float
    accepted: int
    p: float


def spent(delta: float, look: int) -> float:
    """Share of delta for the k-th look at growing data; the shares of all looks add up to delta.

    Examples
    --------
    >>> round(spent(0.05, 1), 4), round(spent(0.05, 2), 4)
    (0.0304, 0.0076)

    """
    return 6 * delta / (math.pi * look) ** 2


def starts_from(least: float) -> tuple[float, ...]:
    """The starting coverages that are not below the smallest coverage of use.

    Examples
    --------
    >>> starts_from(0.3)
    (0.4, 0.7)

    """
    return tuple(s for s in STARTS if s >= least - 1e-12) or (least,)


def certify(curve: Steps, test: Test, delta: float, starts: Sequence[float] = STARTS) -> Chosen | None:
    """The largest certified coverage, or None.

    Parameters
    ----------
    curve : items by confidence
    test : p-values of steps, each valid at a threshold that was fixed beforehand
    delta : chance that the promise is broken, in (0, 1)
    starts : coverages at which a search begins, rising; each gets delta / len(starts), an unbroken run of
        rejections hands its level to the next; two starts in one tie add up their levels

    """
    k, n = curve.accepted, curve.items
    if not len(k):
        return None
    first = [min(int(np.searchsorted(k, math.ceil(s * n - 1e-9))), len(k) - 1) for s in starts]
    level, carried, found = delta / len(starts), 0.0, -1
    p_found = 1.0
    for at, end in zip(first, [*first[1:], len(k)], strict=True):
        allowed = level + carried
        if end <= at:
            carried = allowed
            continue
        last, p = _run(test, at, end, allowed)
        carried = allowed if last == end - 1 else 0.0
        if last >= at:
            found, p_found = last, p
    if found < 0:
        return None
    return Chosen(found, float(curve.threshold[found]), float(k[found] / n), int(k[found]), p_found)


def _run(test: Test, at: int, end: int, allowed: float) -> tuple[int, float]:
    """The last step of an unbroken run of rejections, and its p-value; at - 1 where there is none."""
    last, p_last = at - 1, 1.0
    for low in range(at, end, CHUNK):
        p = test(slice(low, min(low + CHUNK, end)))
        bad = np.flatnonzero(~(p <= allowed))
        good = int(bad[0]) if len(bad) else len(p)
        if good:
            last, p_last = low + good - 1, float(p[good - 1])
        if len(bad):
            break
    return last, p_last


def below(curve: Steps, target: float, errors: str = "errors") -> Test:
    """Exact binomial test that the risk is above the target."""
    from scipy.special import bdtr  # noqa: PLC0415 - 0.4 s to import

    def test(part: slice) -> Floats:
        # Errors are counts, or sums of shares: a share is rounded up, which is the safe side.
        wrong = np.ceil(curve.sums[errors][part] - 1e-9)
        return np.asarray(bdtr(wrong, curve.accepted[part], target))

    return test


def relative(curve: Steps, margin: float, model: str = "model", human: str = "human") -> Test:
    """Score test that the model is worse than people by the margin or more, from the discordant items.

    `model` and `human` name the sums of items that only the model, and only the person, got right.
    """

    def test(part: slice) -> Floats:
        return not_worse(curve.sums[model][part], curve.sums[human][part], curve.accepted[part], margin)

    return test


def mean_above(curve: Steps, margin: float, total: str = "excess", squares: str = "squares") -> Test:
    """One-sided t test that the mean of a per-item difference is -margin or less."""

    def test(part: slice) -> Floats:
        n = curve.accepted[part].astype(np.float64)
        mean = curve.sums[total][part] / n
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.maximum(curve.sums[squares][part] - n * mean**2, 0) / (n - 1)
            t = (mean + margin) / np.sqrt(variance / n)
        p = np.asarray(student_upper(np.nan_to_num(t, posinf=1e300, neginf=-1e300), np.maximum(n - 1, 1)))
        return np.where((n > 1) & (variance > 0), p, 1.0)

    return test


def both(first: Test, second: Test) -> Test:
    """Both promises at once: the larger p-value (Berger 1982, Technometrics 24)."""
    return lambda part: np.maximum(first(part), second(part))


def naive(curve: Steps, target: float, errors: str = "errors") -> int:
    """The last step whose observed risk is within the target; -1 where there is none. No guarantee."""
    fine = np.flatnonzero(curve.sums[errors] / curve.accepted <= target)
    return int(fine[-1]) if len(fine) else -1


def bound(wrong: float, accepted: int, delta: float = 0.05) -> float:
    """Exact one-sided upper bound of the risk at a threshold fixed beforehand."""
    return upper_bound(math.ceil(wrong - 1e-9), accepted, delta)


def fewest(target: float, delta: float) -> int:
    """Accepted items without which not even a faultless machine can be certified.

    Examples
    --------
    >>> fewest(0.05, 0.0125), fewest(0.01, 0.05)
    (86, 299)

    """
    return math.ceil(math.log(delta) / math.log1p(-target))


def accepted_needed(
    risk: float, target: float, delta: float, power: float = 0.8, most: int = 200_000
) -> int | None:
    """Accepted items with which the binomial test certifies with the wanted power, at a fixed threshold.

    Holds for every number up to 5 % more as well, as the power of a test of counts goes up in saw teeth.
    None where the risk is not below the target, or more than `most` are needed.

    Examples
    --------
    >>> accepted_needed(0.025, 0.05, 0.05)
    410

    """
    from scipy.special import bdtr  # noqa: PLC0415 - 0.4 s to import

    if risk >= target:
        return None
    n = fewest(target, delta)
    while n < most:
        step = max(1, n // 200)
        sizes = np.arange(n, int(n * 1.05) + 1, step)
        if (bdtr(_allowed(sizes, target, delta), sizes, risk) >= power).all():
            return n
        n += step
    return None


def _allowed(sizes: NDArray[np.int64], target: float, delta: float) -> Floats:
    """The most errors among each number of items with which the test still rejects; -1: none."""
    from scipy.special import bdtr  # noqa: PLC0415 - 0.4 s to import

    spread = np.sqrt(sizes * target * (1 - target))
    low = np.full(len(sizes), -1.0)
    high = np.ceil(sizes * target + 2 * spread + 2)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        fine = bdtr(middle, sizes, target) <= delta
        low, high = np.where(fine, middle, low), np.where(fine, high, middle)
    return low


def item_mean(values: Floats, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of per-item differences with its t interval."""
    interval = mean_interval(values, level, -1.0, 1.0)
    return (float(values.mean()) if len(values) else math.nan), interval.low, interval.high
