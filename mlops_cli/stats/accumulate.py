"""Accumulate: evidence added up over windows, for small faults that last.

The Shiryaev-Roberts recursion with e-values: where a factor is at most 1 on average given the past,
the mean time until the sum reaches a limit by chance is at least that limit, whatever the dependence (Pollak,
Tartakovsky 2009, Theory of Probability and its Applications 53; Shin, Ramdas, Rinaldo 2024, New England
Journal of Statistics in Data Science 2).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SIZES = np.array([0.35, 0.7, 1.4, 2.5])  # shifts that are looked for, in standard deviations of a surprise
SINCE = 2  # of SIZES: the one whose CUSUM dates the onset
ALLOWANCE = 0.2  # standard deviations forgiven: the baseline's own error
LARGEST_SCORE = 3.5
LARGEST_RARE = 4.0  # largest exponent of one window of rare events
CEILING = 1e200  # sums are kept finite


def scores(u: Floats, p: Floats, inflation: Floats) -> Floats:
    """Normal scores of surprises: (S, B), (S, B), (S,) → (S, B), clipped, shrunk where they hang together."""
    from scipy.special import ndtri  # noqa: PLC0415 - 0.4 s to import

    normal = -ndtri(np.clip(p, 1e-300, 1 - 1e-9) / 2)
    clipped = np.clip(np.sign(u) * normal, -LARGEST_SCORE, LARGEST_SCORE)
    return np.asarray(clipped / np.sqrt(inflation)[:, None])


def exponents(v: Floats) -> Floats:
    """Log of the factor of each window for each side and size: (S, B) scores → (S, B, 2, 4), upward first."""
    both = np.stack([v, -v], axis=-1)[..., None]
    return np.asarray(SIZES * (both - ALLOWANCE) - SIZES**2 / 2)


def rare_exponents(events: Floats, mean: Floats, ratio: Floats) -> Floats:
    """The same for rare events: Poisson likelihood ratios, tempered by the variance to mean ratio.

    Parameters
    ----------
    events : (S, B) seen
    mean : (S, B) expected, above 0
    ratio : (S,) variance to mean, at least 1

    Returns
    -------
    (S, B, 2, 4)

    """
    root = np.sqrt(mean)
    out = np.empty((*events.shape, 2, len(SIZES)))
    for side, sign in ((0, 1), (1, -1)):
        # Half the allowance: counts so rare that it would exceed them are taken as they are.
        forgiven = np.where(mean > 0.04, mean * (1 + sign * ALLOWANCE / 2 / root), mean)[..., None]
        step = SIZES / root[..., None]
        rho = 1 + step if sign > 0 else np.maximum(1 - step, 0.2)
        log = (events[..., None] * np.log(rho) - forgiven * (rho - 1)) / ratio[:, None, None]
        out[:, :, side] = np.minimum(log, LARGEST_RARE)
    return out


def add(total: Floats, factor: Floats) -> Floats:
    """One window more: sums (..., 4) and its factors, the exponentials of the exponents."""
    return np.minimum((1 + total) * factor, CEILING)


def onset(cusum: Floats, first: NDArray[np.int64], exponent: Floats, number: int) -> None:
    """Move the CUSUM that dates the evidence, in place: (S, 2) each; `number` is this window's."""
    cusum += exponent
    over = cusum <= 0
    cusum[over] = 0.0
    first[over] = number + 1
