"""Several e-values at once: their average, and which of them it speaks of."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np


def log_average(log_e: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """Log of the weighted average of e-values, itself an e-value whatever their dependence.

    Parameters
    ----------
    log_e : logs of e-values; -inf is an e-value of 0
    weights : not negative, brought to a sum of 1; None: equal

    Returns
    -------
    float
        -inf where there are none.

    References
    ----------
    Vovk, Wang (2021), Annals of Statistics 49.

    Examples
    --------
    >>> round(log_average([np.log(300.0), 0.0, 0.0]), 4)
    4.6118

    """
    values = np.asarray(log_e, np.float64)
    if not len(values):
        return float("-inf")
    w = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
    with np.errstate(divide="ignore"):
        line = values + np.log(w / w.sum())
    top = line.max()
    return float(top + np.log(np.exp(line - top).sum())) if np.isfinite(top) else float(top)


def named(log_e: Sequence[float], alpha: float, weights: Sequence[float] | None = None) -> tuple[bool, ...]:
    """Which hypotheses are rejected, each with the chance of any false one at most alpha (closed testing).

    A hypothesis is rejected where the average of every subset that holds it reaches `1 / alpha`.

    Examples
    --------
    >>> named([np.log(400.0), np.log(3.0)], 0.01)
    (True, False)

    """
    k = len(log_e)
    w = [1.0] * k if weights is None else list(weights)
    enough = -np.log(alpha)
    out = []
    for i in range(k):
        # The worst subset of each size joins i with the smallest others; unequal weights need all of them.
        others = [j for j in range(k) if j != i]
        if weights is None:
            others.sort(key=lambda j: log_e[j])
            subsets = [tuple(others[:size]) for size in range(k)]
        else:
            subsets = [s for size in range(k) for s in combinations(others, size)]
        out.append(
            all(log_average([log_e[j] for j in (i, *s)], [w[j] for j in (i, *s)]) >= enough for s in subsets)
        )
    return tuple(out)
