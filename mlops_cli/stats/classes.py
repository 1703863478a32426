"""Performance of several classes without labels: how often an answer is right, by buckets of its score."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.calibration import BLOCKS, CLASS, Part, isotonic, jackknife

Floats = NDArray[np.float64]
NAMES = ("accuracy", "f1")


class Fit(NamedTuple):
    """(C, B) chance that an answer of a bucket is right, (C, C) which label it has where it is wrong."""

    right: Floats
    wrong: Floats


def metrics(cells: Floats) -> tuple[dict[str, float], dict[str, Floats]]:
    """Accuracy and mean F1 of (C, C) answers by labels, and the slope of each in every cell."""
    rows, hits = float(cells.sum()), np.diag(cells)
    both = cells.sum(axis=0) + cells.sum(axis=1)
    used = both > 0
    f1 = np.where(used, 2 * hits / np.maximum(both, 1e-9), 0.0)
    lost = np.where(used, f1 / np.maximum(both, 1e-9), 0.0)
    slope = -(lost[:, None] + lost[None, :])
    slope[np.diag_indices(len(hits))] += np.where(used, 2 / np.maximum(both, 1e-9), 0.0)
    classes = max(int(used.sum()), 1)
    share = float(hits.sum() / rows) if rows > 0 else float("nan")
    values = {"accuracy": share, "f1": float(f1[used].mean()) if used.any() else float("nan")}
    return values, {"accuracy": np.eye(len(hits)) / max(rows, 1e-9), "f1": slope / classes}


@dataclass(frozen=True)
class ClassReference:
    """Labelled counts by block of time, answer, bucket of the answer's score, and label.

    Parameters
    ----------
    counts : (K, C, B, C)

    """

    counts: Floats

    @cached_property
    def fitted(self) -> Fit:
        """Of all blocks."""
        return _fit(self.counts.sum(axis=0))

    @cached_property
    def without(self) -> list[Fit]:
        """Without each block."""
        every = self.counts.sum(axis=0)
        return [_fit(every - block) for block in self.counts]

    @cached_property
    def misfit(self) -> dict[str, float]:
        """What the backtest's errors have beyond chance, as a variance, by metric."""
        errors: dict[str, list[float]] = {name: [] for name in NAMES}
        for block, fit in zip(self.counts, self.without, strict=True):
            guess, spread = _chance(block.sum(axis=2), fit)
            truth = metrics(block.sum(axis=1))[0]
            for name in NAMES:
                errors[name].append((guess[name] - truth[name]) ** 2 - spread[name])
        return {n: max(0.0, float(np.nanmean(e))) for n, e in errors.items()}

    @property
    def lacking(self) -> str:
        """Why nothing may be estimated from it; empty where something may."""
        cells = self.counts.sum(axis=(0, 2))
        right, wrong = int(np.trace(cells)), int(cells.sum() - np.trace(cells))
        if len(self.counts) < BLOCKS[0]:
            return f"reference-too-small: {len(self.counts)} labelled windows, {BLOCKS[0]} needed"
        if min(right, wrong) < CLASS:
            return f"reference-too-small: {right} right and {wrong} wrong answers, {CLASS} of each needed"
        return ""

    def estimate(self, rows: Floats) -> dict[str, Part]:
        """What the metrics of (C, B) answers by bucket probably are."""
        values, sampling = _chance(rows, self.fitted)
        left = [_chance(rows, fit)[0] for fit in self.without]
        out = {}
        for name in NAMES:
            spread = jackknife(np.array([one[name] for one in left]))
            out[name] = Part(values[name], sampling[name], spread, self.misfit[name])
        return out


def _fit(counts: Floats) -> Fit:
    """Each answer's own curve; that of all where it has too few labels."""
    n, classes = counts.sum(axis=2), len(counts)
    right = np.array([counts[c, :, c] for c in range(classes)])
    pooled = isotonic(n.sum(axis=0), right.sum(axis=0))
    own = [isotonic(a, k) if a.sum() >= CLASS else pooled for a, k in zip(n, right, strict=True)]
    wrong = counts.sum(axis=1)
    wrong[np.diag_indices(classes)] = 0.0
    prior = wrong.sum(axis=0) + 1e-9
    for c in range(classes):  # where an answer was never wrong, as the others are
        rest = np.where(np.arange(classes) == c, 0.0, prior)
        wrong[c] = wrong[c] / wrong[c].sum() if wrong[c].sum() > 0 else rest / rest.sum()
    return Fit(np.array(own), wrong)


def _chance(rows: Floats, fit: Fit) -> tuple[dict[str, float], dict[str, float]]:
    """Expected metrics, and their variance when each label is drawn from what its bucket lets expect."""
    right = (rows * fit.right).sum(axis=1)
    cells = (rows.sum(axis=1) - right)[:, None] * fit.wrong
    cells[np.diag_indices(len(rows))] += right
    values, slopes = metrics(cells)
    spread = {}
    for name, slope in slopes.items():
        own, off = np.diag(slope)[:, None], (fit.wrong * slope).sum(axis=1)[:, None]
        square = (fit.wrong * slope**2).sum(axis=1)[:, None]
        mean = fit.right * own + (1 - fit.right) * off
        spread[name] = float((rows * (fit.right * own**2 + (1 - fit.right) * square - mean**2)).sum())
    return values, spread
