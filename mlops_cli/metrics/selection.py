"""Selection: whether rows with a label are like those without, and what they weigh where they are not."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.profile.labelled import BUCKETS, NEVER
from mlops_cli.stats.late import Selection, Weights, selection, weights

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
APART = 0.05  # Jensen-Shannon distance of labelled and other rows from which they are weighed
SURE = 0.01  # p of that evidence
LEAST = 30  # rows on either side without which they are not compared
GROUPS = 20  # of about equal mass, in which scores are compared
STRATA = (2, 50)
A_STRATUM = 10  # labelled rows of a window
BLIND = 0.10  # share of rows in cells without a label: nothing is said


def groups(rows: Floats, count: int) -> Ints:
    """Bucket → group of about equal mass, (B + 1,); the last is for rows without a score."""
    before = np.cumsum(rows) - rows / 2
    at = np.minimum((before / max(rows.sum(), 1.0) * count).astype(np.int64), count - 1)
    _, at = np.unique(at, return_inverse=True)
    return np.append(at, at.max() + 1)


def by_bucket(frames: Sequence[pl.DataFrame]) -> Floats:
    """All rows by score bucket."""
    out = np.zeros(BUCKETS)
    for frame in frames:
        bucket = frame["bucket"].to_numpy().astype(np.int64)
        out += np.bincount(bucket[bucket >= 0], frame["n"].to_numpy()[bucket >= 0], BUCKETS)
    return out


def compared(frames: Sequence[pl.DataFrame], classes: int) -> dict[str, Selection]:
    """How labelled rows differ from the others, in prediction and, where there is one, in score.

    Parameters
    ----------
    frames : cells of each window, with the number `p` of the predicted class, -1 where there is none
    classes : how many there are

    """
    at = groups(by_bucket(frames), GROUPS)
    sizes = {"prediction": classes + 1, "score": int(at.max()) + 1}
    out = {name: (np.zeros((len(frames), k)), np.zeros((len(frames), k))) for name, k in sizes.items()}
    for i, frame in enumerate(frames):
        known, n = (frame["delay"] != NEVER).to_numpy(), frame["n"].to_numpy()
        cells = {"prediction": frame["p"].to_numpy() + 1, "score": at[frame["bucket"].to_numpy()]}
        for name, k in sizes.items():
            for side, mask in zip(out[name], (known, ~known), strict=True):
                side[i] = np.bincount(cells[name][mask], n[mask], k)
    found = {name: _enough(*sides) for name, sides in out.items()}
    return found if sizes["score"] > 2 else {"prediction": found["prediction"]}


def _enough(labelled: Floats, others: Floats) -> Selection:
    """`selection`, in windows with rows enough on both sides."""
    few = np.minimum(labelled.sum(axis=1), others.sum(axis=1)) < LEAST
    found = selection(labelled, others)
    return Selection(*(np.where(few, np.nan, part) for part in found))


def chosen(found: Sequence[Selection], weight: Floats) -> bool:
    """Whether over all windows what is labelled differs from the rest, in score or in prediction."""
    from scipy.special import chdtrc  # noqa: PLC0415 - 0.4 s to import

    for one in found:
        known = np.isfinite(one.square) & (one.degrees > 0) & (weight > 0)
        if not known.any():
            continue
        square = float(one.square[known] @ weight[known] / weight[known].sum())
        p = float(chdtrc(one.degrees[known].sum(), one.statistic[known].sum()))
        if square > APART**2 and p < SURE:
            return True
    return False


def strata(rows: Floats, labelled: Floats) -> Ints:
    """Groups of the score so fine that a window mostly has labels in each.

    Parameters
    ----------
    rows : (B,) all rows by score bucket
    labelled : (W,) labelled rows of each window

    """
    usual = float(np.median(labelled)) if len(labelled) else 0.0
    return groups(rows, int(np.clip(usual // A_STRATUM, *STRATA)))


def weighed(cell: Ints, n: Floats, known: NDArray[np.bool_]) -> Weights:
    """What a labelled row of each cell stands for, scaled so that all add up to the rows they are worth.

    Parameters
    ----------
    cell : of each count
    n, known : rows, and whether they have a label

    """
    size = int(cell.max(initial=0)) + 1
    rows, mine = (np.bincount(c, w, size).astype(np.float64) for c, w in ((cell, n), (cell[known], n[known])))
    found = weights(rows, mine)
    total = float((found.of * mine).sum())
    scale = found.effective * float(mine.sum()) / total if total > 0 else 1.0
    return found._replace(of=found.of * scale)
