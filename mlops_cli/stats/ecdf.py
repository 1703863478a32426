"""Distribution functions of counts, and what their largest distance comes to when nothing changed."""

import numpy as np

from mlops_cli.stats.statistic import Counts, Floats

CONTINUOUS = 0.8687311606361592  # mean of sup |Brownian bridge| = sqrt(pi / 2) ln 2
ATOM = 0.01  # largest share of a cell up to which a field passes as continuous
POINTS, BRIDGES = 256, 4_000


def ecdf(rows: Floats) -> Floats:
    """Share of rows up to and with each cell; 0 where there is no row.

    Examples
    --------
    >>> ecdf(np.array([1.0, 2, 1]))
    array([0.25, 0.75, 1.  ])

    """
    total = rows.sum(axis=-1, keepdims=True)
    return np.asarray(np.cumsum(rows, axis=-1) / np.where(total > 0, total, 1.0))


def ks_evidence(counts: Counts, distance: Floats) -> tuple[Floats, Floats]:
    """D sqrt(nm / (n + m)) and sqrt(1/n + 1/m) of each window, (W,) both; NaN where a sample is empty."""
    n, m = counts.reference.sum(), counts.current.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = np.sqrt(1 / n + 1 / m)
        noise = np.where(np.isfinite(noise), noise, np.nan)
        return distance / noise, noise


def sup_of_bridge(distribution: Floats) -> float:
    """Mean of max |B| of a Brownian bridge over the values of a distribution function.

    D exceeds its mean under no change by chance only; for a field of few values that mean is smaller than
    Kolmogorov's 0.8687 (0.4 for a fair coin). Where no cell holds more than 1 %: 0.8687, else the mean of
    4,000 bridges from a fixed seed (standard error 1 %) at up to 256 points.

    Parameters
    ----------
    distribution : (K,) ascending, ends in 1

    Returns
    -------
    in [0, 0.8687]

    """
    steps = np.diff(distribution, prepend=0.0)
    if not len(steps) or steps.max() <= ATOM:
        return CONTINUOUS if len(steps) else 0.0
    points = distribution[(distribution > 0) & (steps > 0)]
    if len(points) > POINTS:
        points = np.unique(
            np.searchsorted(points, np.arange(1, POINTS + 1) / POINTS - 1e-12).clip(0, len(points) - 1)
        )
        points = distribution[(distribution > 0) & (steps > 0)][points]
    walk = np.random.default_rng(1).standard_normal((BRIDGES, len(points)), np.float32)
    walk *= np.sqrt(np.diff(points, prepend=0.0)).astype(np.float32)
    np.cumsum(walk, axis=1, out=walk)
    walk -= points.astype(np.float32) * walk[:, -1:]
    return float(min(np.abs(walk).max(axis=1).mean(), CONTINUOUS))
