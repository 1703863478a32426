"""Evidence from counts that stays valid however often one looks: rates of two arms, or of one and a limit.

In all of it c is the treatment and b the control; n counts units, x those with the event. A *cell* is one
window (and stratum); cells need not be alike: shares and rates may change from one to the next.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Mixing grid on the log of the rate ratio: 2 % to 148-fold.
DELTAS: Floats = np.exp(np.linspace(np.log(0.02), np.log(5.0), 48))
_WEIGHT = -np.log(len(DELTAS))
_GRID: Floats = np.linspace(0.0, 1.0, 65)
_ROUNDS = 8  # each narrows a bound by 64: to the last bit of [-1, 1]


class Increments(NamedTuple):
    """What each cell adds to the log of each component of the mixture: `a - margin * b`.

    Both are (..., cells, 48), float64. They are linear in the absolute margin, so one pass over the counts
    answers every margin.
    """

    a: Floats
    b: Floats

    def total(self) -> "Increments":
        """Of all cells together: (..., 1, 48)."""
        return Increments(self.a.sum(-2, keepdims=True), self.b.sum(-2, keepdims=True))


def increments(
    xc: ArrayLike, xb: ArrayLike, nc: ArrayLike, nb: ArrayLike, r0: float = 1.0, side: int = 1
) -> Increments:
    """Log factors of the exact count e-process.

    Parameters
    ----------
    xc, xb : (..., cells) events; non-integer counts are allowed (an expected path)
    nc, nb : (..., cells) exposures; broadcast. A cell where either is 0 says nothing: zeros
    r0 : relative margin, greater than 0: 1.1 is +10 %
    side : 1 is evidence against `p_c <= r0 p_b + m` (harm), -1 against `p_c >= r0 p_b + m` (safety)

    Raises
    ------
    ValueError
        Where r0 is not positive, side is not 1 or -1, or a count is negative.

    Notes
    -----
    A cell's factor is `(1 + l)^xc (1 - l nc r0 / nb)^xb exp(-nc m l)`, whose mean is at most 1 under the
    hypothesis for independent events of any, also unequal, chances. `spec/rollout.md`, 2.1.

    """
    if side not in (1, -1):
        raise ValueError(f"side must be 1 or -1, not {side}")
    if r0 <= 0:
        raise ValueError(f"r0 must be positive, not {r0}")
    xc, xb, nc, nb = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (xc, xb, nc, nb)))
    if any((v < 0).any() for v in (xc, xb, nc, nb)):
        raise ValueError("counts must not be negative")
    known = (nc > 0) & (nb > 0)
    exposed = np.where(known, nc, 0.0)
    odds = (np.log(np.where(known, nc, 1.0) * r0) - np.log(np.where(known, nb, 1.0)))[..., None]
    other = odds + side * DELTAS
    of_c = np.logaddexp(0, -odds) - np.logaddexp(0, -other)  # log(1 + l)
    of_b = np.logaddexp(0, odds) - np.logaddexp(0, other)
    a = np.where(known, xc, 0.0)[..., None] * of_c + np.where(known, xb, 0.0)[..., None] * of_b
    return Increments(a, exposed[..., None] * np.expm1(of_c))


def limit_increments(x: ArrayLike, n: ArrayLike, limit: float, side: int = 1) -> Increments:
    """Log factors of the test of one arm against an absolute limit; there is no margin (`b` is 0).

    Parameters
    ----------
    x, n : (..., cells) events and units, `0 <= x <= n`
    limit : in (0, 1)
    side : 1 is evidence against `p <= limit`, -1 against `p >= limit`

    Raises
    ------
    ValueError
        Where the limit is not in (0, 1), or side is not 1 or -1.

    References
    ----------
    `spec/rollout.md`, 2.14.

    """
    if side not in (1, -1):
        raise ValueError(f"side must be 1 or -1, not {side}")
    if not 0 < limit < 1:
        raise ValueError(f"the limit must be in (0, 1), not {limit}")
    x, n = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(n, np.float64))
    odds = np.log(limit) - np.log1p(-limit)
    other = odds + side * DELTAS
    of_x = np.logaddexp(0, -odds) - np.logaddexp(0, -other)
    of_rest = np.logaddexp(0, odds) - np.logaddexp(0, other)
    a = x[..., None] * of_x + (n - x)[..., None] * of_rest
    return Increments(a, np.zeros_like(a))


def log_e(found: Increments, margin: ArrayLike = 0.0) -> Floats:
    """Log of the e-value after each cell, in their order.

    Parameters
    ----------
    found : (..., cells, 48)
    margin : absolute, broadcast with (...)

    Returns
    -------
    (..., cells)
        Reject at any cell where it reaches `log(1 / alpha)`; 0 where there are no counts.

    """
    line = np.cumsum(found.a, -2) - np.asarray(margin, np.float64)[..., None, None] * np.cumsum(found.b, -2)
    return _mixed(line)


def log_e_total(found: Increments, margin: float = 0.0) -> float:
    """Log of the e-value after all cells, of (cells, 48); 0 where there are none."""
    return float(_mixed(found.a.sum(-2) - margin * found.b.sum(-2)))


def log_e_late(found: Increments, margin: float = 0.0) -> Floats:
    """As `log_e`, mixed over the cell in which the harm began: 1/2 on the first, `1/(2j(j-1))` on cell j.

    Still one e-process over the whole life, so looking at it does not use it up; late harm is found in a
    fraction of the time.

    References
    ----------
    `spec/rollout.md`, 2.1; after Shin, Ramdas, Rinaldo (2022), arXiv:2203.03532.

    """
    inc = found.a - margin * found.b
    weights, left = _starts(inc.shape[-2])
    state = np.full((*inc.shape[:-2], inc.shape[-1]), -np.inf)
    out = np.zeros(inc.shape[:-1])
    for t in range(inc.shape[-2]):
        state = np.logaddexp(state, weights[t]) + inc[..., t, :]
        out[..., t] = np.logaddexp(_mixed(state), left[t])
    return out


def onset(found: Increments, margin: float = 0.0) -> int:
    """The cell from which on the evidence of `log_e_late` is strongest; 0 where there are no cells."""
    inc = found.a - margin * found.b
    if not len(inc):
        return 0
    weights, _ = _starts(len(inc))
    since = np.cumsum(inc[::-1], 0)[::-1]  # of cells j, j+1, ...
    return int(np.argmax(_mixed(since) + weights))


def lower_excess(found: Increments, alpha: ArrayLike) -> Floats:
    """Lower bound on the excess `p_c - r0 p_b` after all cells, valid at every look.

    Parameters
    ----------
    found : (..., cells, 48) of side 1
    alpha : chance that it is ever wrong; broadcast with (...)

    Returns
    -------
    (...,) in [-1, 1]; -1 where nothing is known

    """
    return _edge(found, alpha, side=1)


def upper_excess(found: Increments, alpha: ArrayLike) -> Floats:
    """Upper bound on the excess; `found` is of side -1, otherwise as `lower_excess`; 1 where nothing is."""
    return _edge(found, alpha, side=-1)


def until(
    found: Increments, step: Increments, margin: float, alpha: float, most: int = 1_000_000
) -> int | None:
    """How many further cells like `step` bring the e-value to `1 / alpha`.

    Parameters
    ----------
    found : (cells, 48) so far; no cells: from the start
    step : (1, 48) what a cell is expected to add
    most : give up beyond it

    Returns
    -------
    int or None
        0 where it is there already; None where it takes more than `most`, or never happens.

    """
    enough = -np.log(alpha)
    have = (found.a - margin * found.b).sum(-2)
    each = (step.a - margin * step.b)[0]

    def reached(cells: float) -> bool:
        return bool(_mixed(have + cells * each) >= enough)

    if reached(0):
        return 0
    # Convex in the number of cells: once it is reached going up, it stays.
    high = 1
    while not reached(high):
        high *= 2
        if high > most:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _edge(found: Increments, alpha: ArrayLike, side: int) -> Floats:
    """The margin on [-1, 1] where the e-value crosses `1 / alpha`; with side 1 it falls as margins rise."""
    line = found.total()  # (..., 1, 48): against a grid of margins
    enough = -np.log(np.asarray(alpha, np.float64))[..., None]
    low, high = np.full(line.a.shape[:-2], -1.0), np.full(line.a.shape[:-2], 1.0)
    for _ in range(_ROUNDS):
        grid = low[..., None] + (high - low)[..., None] * _GRID
        passed = _mixed(line.a - grid[..., None] * line.b) >= enough
        below = passed.sum(-1) if side == 1 else len(_GRID) - passed.sum(-1)
        at = np.clip(below, 1, len(_GRID) - 1)[..., None]  # nothing is known: the end stays where it is
        low, high = (np.take_along_axis(grid, k, -1)[..., 0] for k in (at - 1, at))
    return np.asarray(low if side == 1 else high)


def _mixed(line: Floats) -> Floats:
    """Log of the mean over the grid of the exponentials."""
    top = line.max(-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    return np.asarray(np.log(np.exp(line - top).sum(-1)) + top[..., 0] + _WEIGHT)


def _starts(cells: int) -> tuple[Floats, Floats]:
    """Log of the weight of each start, and of all that are still to come after it."""
    j = np.arange(1, cells + 1, dtype=np.float64)
    weights = np.where(j == 1, 0.5, 0.5 / (j * np.maximum(j - 1, 1)))
    return np.log(weights), np.log(0.5 / j)  # 1 - 1/2 - sum 1/(2j(j-1)) = 1/(2j)
