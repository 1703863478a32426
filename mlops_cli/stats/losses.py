"""Errors of numbers from mergeable moments, and whether scores mean what they say, from counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from mlops_cli.stats.ranking import LEVEL, Estimate

UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"))


def mean(n: float, total: float, m2: float, level: float = LEVEL) -> Estimate:
    """Mean of a loss of each row, by Student's t.

    Parameters
    ----------
    n : rows
    total : sum of the loss
    m2 : sum of squared distances from the mean

    Returns
    -------
    NaN below two rows

    """
    if n < 2:
        return UNKNOWN
    centre = total / n
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * np.sqrt(max(m2, 0.0) / (n - 1) / n)
    return Estimate(centre, centre - half, centre + half)


def root_mean(n: float, total: float, m2: float, level: float = LEVEL) -> Estimate:
    """Root of the mean of a squared error, its interval on the log scale; arguments as in `mean`."""
    centre, _, high = mean(n, total, m2, level)
    if not centre > 0:
        return UNKNOWN
    half, root = (high - centre) / centre / 2, np.sqrt(centre)
    return Estimate(float(root), float(root * np.exp(-half)), float(root * np.exp(half)))


@dataclass(frozen=True)
class Calibration:
    """How far observed rates lie from the scores.

    `ece` mean distance over buckets; `ece_noise` what a calibrated model would show by chance alone;
    `rms_debiased` root mean square less chance; `gap` observed minus expected rate and its deviate `gap_z`.
    """

    ece: float
    ece_noise: float
    rms_debiased: float
    gap: float
    gap_z: float


def calibration(n: ArrayLike, positives: ArrayLike, scores: ArrayLike) -> Calibration:
    """Calibration from buckets.

    Parameters
    ----------
    n, positives : (B,) rows and positives of each bucket
    scores : (B,) sum of the scores of its rows

    References
    ----------
    Kumar, Liang, Ma (2019), Advances in Neural Information Processing Systems 32 (debiased).

    """
    rows, yes, total = (np.asarray(x, np.float64) for x in (n, positives, scores))
    used = rows > 0
    rows, yes, total = rows[used], yes[used], total[used]
    if not len(rows):
        return Calibration(*(float("nan"),) * 5)
    seen, said, weight = yes / rows, total / rows, rows / rows.sum()
    chance = said * (1 - said)
    noise = np.sqrt(2 / np.pi * np.maximum(chance, 0) / rows)
    square = weight @ ((seen - said) ** 2 - seen * (1 - seen) / np.maximum(rows - 1, 1))
    off = float(yes.sum() - total.sum())
    return Calibration(
        ece=float(weight @ np.abs(seen - said)),
        ece_noise=float(weight @ noise),
        rms_debiased=float(np.sqrt(max(0.0, square))),
        gap=off / float(rows.sum()),
        gap_z=off / float(np.sqrt(max(float(rows @ chance), 1e-12))),
    )
