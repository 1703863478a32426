"""The alternative annotator test: could the model stand in for any one of the people? Reported, no gate."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.distributions import student_upper

LEAST = 30  # items a person


@dataclass(frozen=True)
class Alternative:
    """What the test says.

    Parameters
    ----------
    people : those with enough items
    winning_rate : share of them whom the model may replace; passes at one half; NaN without people
    advantage : mean share of items on which the model is at least as near to the others as the person is

    """

    people: int
    winning_rate: float
    advantage: float

    @property
    def passed(self) -> bool:
        """Whether the model may replace at least half of them."""
        return self.winning_rate >= 0.5


def alternative(
    person: ArrayLike,
    human_score: ArrayLike,
    model_score: ArrayLike,
    epsilon: float = 0.15,
    q: float = 0.05,
) -> Alternative:
    """Compare the model with each person by how near both are to the other people.

    Parameters
    ----------
    person : (n,) codes from 0, one row a decision on an item that others decided too
    human_score, model_score : (n,) nearness to the others (share that agrees, or -RMSE)
    epsilon : what a person is allowed: 0.2 experts, 0.15 skilled, 0.1 crowd
    q : false discovery rate (Benjamini-Yekutieli)

    References
    ----------
    Calderon, Reichart, Dror (2025), The alternative annotator test for LLM-as-a-judge.

    """
    code = np.asarray(person, np.int64)
    human, model = np.asarray(human_score, np.float64), np.asarray(model_score, np.float64)
    if not len(code):
        return Alternative(0, math.nan, math.nan)
    wins, beaten = model >= human, human >= model
    apart = beaten.astype(np.float64) - wins
    n = np.bincount(code)
    enough = n >= LEAST
    if not enough.any():
        return Alternative(0, math.nan, math.nan)
    size = n[enough].astype(np.float64)
    total, squares, won = (
        np.bincount(code, w, len(n))[enough] for w in (apart, apart**2, wins.astype(np.float64))
    )
    mean = total / size
    variance = np.maximum(squares - size * mean**2, 0) / (size - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (mean - epsilon) / np.sqrt(variance / size)
    p = np.where(variance > 0, student_upper(-np.nan_to_num(t), size - 1), np.where(mean < epsilon, 0.0, 1.0))
    return Alternative(len(size), float(_yekutieli(p, q).mean()), float((won / size).mean()))


def _yekutieli(p: NDArray[np.float64], q: float) -> NDArray[np.bool_]:
    rank = np.arange(1, len(p) + 1)
    order = np.argsort(p, kind="stable")
    fine = np.flatnonzero(p[order] <= rank / len(p) * q / (1 / rank).sum())
    out = np.zeros(len(p), np.bool_)
    if len(fine):
        out[order[: fine[-1] + 1]] = True
    return out
