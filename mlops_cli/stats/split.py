"""Is traffic split as planned? A test that may be looked at at any time, for shares that change."""

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_STEPS: Floats = np.exp(np.linspace(np.log(1e-3), np.log(3.0), 24))
GRID: Floats = np.concatenate([-_STEPS[::-1], _STEPS])  # on the log odds of the share, both ways


def log_e_split(nc: ArrayLike, nb: ArrayLike, share: ArrayLike) -> Floats:
    """Log e-value against "every unit goes to the treatment with the planned share", after each window.

    Parameters
    ----------
    nc, nb : (..., windows) units of treatment and control, counted where they first came
    share : (..., windows) planned share of the treatment, in (0, 1); windows with another are left out

    Returns
    -------
    (..., windows)

    References
    ----------
    `spec/rollout.md`, 2.4; after Lindon, Malek (2022), arXiv:2011.03567.

    Examples
    --------
    >>> log_e_split([890], [9110], 0.1).round(3)
    array([3.855])

    """
    nc, nb, share = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (nc, nb, share)))
    known = (share > 0) & (share < 1)
    planned = np.where(known, share, 0.5)
    odds = (np.log(planned) - np.log1p(-planned))[..., None]
    other = odds + GRID
    inc = nc[..., None] * (np.logaddexp(0, -odds) - np.logaddexp(0, -other))
    inc += nb[..., None] * (np.logaddexp(0, odds) - np.logaddexp(0, other))
    line = np.cumsum(np.where(known[..., None], inc, 0.0), -2)
    top = line.max(-1, keepdims=True)
    return np.asarray(np.log(np.exp(line - top).mean(-1)) + top[..., 0])


def dwells(nc: ArrayLike, nb: ArrayLike) -> list[int]:
    """The windows in which the share of the treatment changes, the first one included.

    A window opens a new dwell where its share lies six standard errors from that of the dwell so far, and
    the one after it agrees; a single odd window is none.

    Parameters
    ----------
    nc, nb : (windows,) units; windows without any are passed over

    Returns
    -------
    list of int
        Rising, beginning with 0; empty where there are no windows.

    """
    c, b = (np.asarray(v, np.float64).tolist() for v in (nc, nb))  # plain numbers: 5 times as quick
    starts = [0] if len(c) else []
    have_c = have_n = 0.0
    for t in range(len(c)):
        n = c[t] + b[t]
        if have_n and n and _apart(have_c, have_n, c[t], n):
            after = next((k for k in range(t + 1, len(c)) if c[k] + b[k]), None)
            if after is None or _apart(have_c, have_n, c[after], c[after] + b[after]):
                starts.append(t)
                have_c = have_n = 0.0
        have_c, have_n = have_c + c[t], have_n + n
    return starts


def _apart(have_c: float, have_n: float, c: float, n: float) -> bool:
    # One half more of each: shares of 0 and 1 have errors, too.
    pooled = (have_c + c + 0.5) / (have_n + n + 1)
    error = sqrt(pooled * (1 - pooled) * (1 / have_n + 1 / n))
    return abs(have_c / have_n - c / n) > 6 * error
