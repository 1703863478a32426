"""Accuracy and mean F1 of several classes without labels, against what was drawn."""

import numpy as np
import pytest

from mlops_cli.stats.classes import ClassReference, metrics


def drawn(random, n, tilt):
    """Rows of three answers: an answer of score s is right s of the time; `tilt` moves the scores."""
    score = np.clip(random.beta(4, 2 + tilt, n), 1 / 3, 0.999)
    said = random.integers(0, 3, n)
    right = random.random(n) < score
    label = np.where(right, said, (said + random.integers(1, 3, n)) % 3)
    out = np.zeros((3, 200, 3))
    np.add.at(out, (said, (score * 200).astype(int), label), 1)
    return out


def test_the_slopes_of_the_metrics_are_their_derivatives():
    cells = np.array([[50.0, 5, 3], [4, 60, 2], [1, 7, 40]])
    values, slopes = metrics(cells)
    for name, slope in slopes.items():
        for p, k in ((0, 0), (0, 1), (2, 1)):
            more = cells.copy()
            more[p, k] += 1e-4
            less = cells.copy()
            less[p, k] -= 1e-4
            seen = (metrics(more)[0][name] - metrics(less)[0][name]) / 2e-4
            # Rows of an answer are fixed: accuracy is told per row, so its slope lacks that of the sum.
            wanted = slope[p, k] - (values[name] / cells.sum() if name == "accuracy" else 0.0)
            assert seen == pytest.approx(wanted, abs=1e-6)


def test_a_shift_of_the_scores_is_estimated_within_its_band():
    random = np.random.default_rng(5)
    reference = ClassReference(np.array([drawn(random, 1_000, 0) for _ in range(8)]))
    inside = []
    for _ in range(40):
        now = drawn(random, 1_000, 1.0)
        real, parts = metrics(now.sum(axis=1))[0], reference.estimate(now.sum(axis=2))
        inside += [abs(real[n] - p.value) <= p.half for n, p in parts.items()]

    assert np.mean(inside) >= 0.9


def test_a_reference_of_few_windows_or_few_wrong_answers_is_lacking():
    random = np.random.default_rng(0)

    assert "2 labelled windows" in ClassReference(np.array([drawn(random, 500, 0)] * 2)).lacking
    assert "wrong answers" in ClassReference(np.array([drawn(random, 40, 0)] * 6)).lacking
