"""Which correction a backtest chooses, in worlds whose answer is known."""

import numpy as np
import pytest

from mlops_cli.stats.booster import Bins
from mlops_cli.stats.correction import Corrector, Rows, Sizes, density


def world(shift, own, n=6_000, seed=0):
    """Reference and current rows of a score and a field; `own`: what the field adds that the score lacks."""
    random = np.random.default_rng(seed)
    score, field = random.beta(2, 2, 2 * n), random.normal(size=2 * n)
    field[n:] += shift
    chance = 1 / (1 + np.exp(-np.log(score / (1 - score)) - own * field))
    label = (random.random(2 * n) < chance).astype(float)
    columns = [score, field]
    bins = Bins([c[:n] for c in columns])
    codes, bucket = bins.codes(columns), np.minimum((score * 200).astype(int), 199)
    sides = (Rows(codes[:n], bucket[:n]), Rows(codes[n:], bucket[n:]))
    return *sides, label[:n], label[n:], Sizes(bins.sizes, bins.categories)


def test_without_a_shift_nothing_is_corrected():
    known, now, label, _, sizes = world(0.0, 1.0)

    assert Corrector(known, label, now, sizes).choice.way == "bucket"


def test_what_a_field_adds_to_the_score_is_chosen_and_is_nearer_to_the_truth():
    known, now, label, truth, sizes = world(0.8, 1.0)

    found = Corrector(known, label, now, sizes)
    plain = found.plain[now.bucket].mean()
    shifted = plain + found.shift(now, found.choice.way).mean()

    assert found.choice.way == "label"
    assert abs(shifted - truth.mean()) < abs(plain - truth.mean()) / 3


def test_a_shift_of_a_field_that_tells_nothing_leaves_the_score_alone():
    known, now, label, _, sizes = world(0.8, 0.0)

    assert Corrector(known, label, now, sizes).choice.way == "bucket"


def test_weights_make_the_reference_look_like_the_current_rows():
    known, now, _, _, sizes = world(0.8, 0.0)

    weight = density(known, now, sizes)

    assert weight.mean() == pytest.approx(1.0)
    assert (weight * known.codes[:, 1]).mean() == pytest.approx(now.codes[:, 1].mean(), rel=0.1)
