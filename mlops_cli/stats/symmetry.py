"""Does one rater choose some classes more often than the other? Tests on their square table of counts."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mlops_cli.stats.distributions import chi_square_upper, normal_upper
from mlops_cli.stats.slices import adjusted


@dataclass(frozen=True)
class ChiSquare:
    """A statistic, its degrees of freedom and the p-value; p is 1 where there are no degrees."""

    statistic: float
    degrees: int
    p: float


class Confusion(NamedTuple):
    """Two classes that are taken for each other more often in one direction.

    `more` items that the first rater called `first` and the second `second`; `fewer` the other way round;
    `z` of the difference, `q` the p-value adjusted over all pairs of classes.
    """

    first: int
    second: int
    more: int
    fewer: int
    z: float
    q: float


def stuart_maxwell(table: ArrayLike) -> ChiSquare:
    """Are the margins alike? By the pseudo-inverse, so that a class that is never confused does no harm.

    References
    ----------
    Stuart (1955), Biometrika 42; Maxwell (1970), British Journal of Psychiatry 116.

    Examples
    --------
    >>> stuart_maxwell([[20, 10, 0], [3, 30, 0], [0, 0, 7]])
    ChiSquare(statistic=3.76..., degrees=1, p=0.0522...)

    """
    counts = np.asarray(table, np.float64)
    used = counts.sum(axis=0) + counts.sum(axis=1) > 0
    counts = counts[used][:, used]
    if len(counts) < 2:
        return ChiSquare(0.0, 0, 1.0)
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    covariance = -(counts + counts.T)
    np.fill_diagonal(covariance, rows + columns - 2 * np.diag(counts))
    covariance, apart = covariance[:-1, :-1], (rows - columns)[:-1]
    degrees = int(np.linalg.matrix_rank(covariance))
    statistic = float(apart @ np.linalg.pinv(covariance, hermitian=True) @ apart)
    return ChiSquare(statistic, degrees, float(chi_square_upper(statistic, degrees)))


def bhapkar(table: ArrayLike) -> ChiSquare:
    """The same with the larger statistic X / (1 - X/n).

    References
    ----------
    Bhapkar (1966), Journal of the American Statistical Association 61.

    """
    one = stuart_maxwell(table)
    n = float(np.asarray(table, np.float64).sum())
    if one.degrees == 0 or one.statistic >= n:
        return ChiSquare(0.0, 0, 1.0) if one.degrees == 0 else ChiSquare(np.inf, one.degrees, 0.0)
    statistic = one.statistic / (1 - one.statistic / n)
    return ChiSquare(statistic, one.degrees, float(chi_square_upper(statistic, one.degrees)))


def bowker(table: ArrayLike) -> ChiSquare:
    """Is every confusion as frequent in both directions?

    References
    ----------
    Bowker (1948), Journal of the American Statistical Association 43.

    """
    counts = np.asarray(table, np.float64)
    i, j = np.triu_indices(len(counts), 1)
    more, fewer = counts[i, j], counts[j, i]
    seen = more + fewer > 0
    parts = (more[seen] - fewer[seen]) ** 2 / (more[seen] + fewer[seen])
    degrees = int(seen.sum())
    return ChiSquare(float(parts.sum()), degrees, float(chi_square_upper(parts.sum(), degrees)))


def confusions(table: ArrayLike, most: int = 10) -> list[Confusion]:
    """Pairs of classes with the largest difference of directions, strongest first.

    Ties are in the order of the classes.
    """
    counts = np.asarray(table, np.int64)
    i, j = np.nonzero(counts > counts.T)
    if not len(i):
        return []
    more, fewer = counts[i, j], counts[j, i]
    z = (more - fewer) / np.sqrt(more + fewer)
    q = adjusted(2 * normal_upper(z), m=int(np.triu(counts + counts.T, 1).astype(bool).sum()))
    order = np.lexsort((j, i, -z, -(more - fewer)))[:most]
    return [
        Confusion(int(i[k]), int(j[k]), int(more[k]), int(fewer[k]), float(z[k]), float(q[k])) for k in order
    ]
