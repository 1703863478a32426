"""Ranking, losses, late labels: against scikit-learn's definitions where they are closed, and by simulation."""

import math

import numpy as np
import pytest

from mlops_cli.stats import calibration, half_life, late, losses, ranking


def pairs_won(yes, no):
    """AUC by looking at every pair."""
    won = 0.0
    for b, n1 in enumerate(yes):
        for c, n0 in enumerate(no):
            won += n1 * n0 * (1.0 if b > c else 0.5 if b == c else 0.0)
    return won / (sum(yes) * sum(no))


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_the_share_of_pairs_in_the_right_order(seed):
    random = np.random.default_rng(seed)
    yes, no = random.integers(0, 20, 12), random.integers(0, 20, 12)

    assert ranking.auc(yes, no).value == pytest.approx(pairs_won(yes, no))


def test_auc_of_one_class_is_unknown():
    assert math.isnan(ranking.auc([0, 0], [3, 4]).value)
    assert math.isnan(ranking.auc([3, 4], [0, 0]).value)


def test_a_perfect_order_has_an_interval_below_one():
    found = ranking.auc([0, 0, 30], [40, 0, 0])

    assert found.value == 1.0
    assert 0.8 < found.low < 1.0 == found.high


def test_buckets_hide_nothing_where_no_bucket_has_both_classes():
    assert ranking.auc([0, 5, 0, 7], [6, 0, 3, 0]).best == ranking.auc([0, 5, 0, 7], [6, 0, 3, 0]).value


def test_average_precision_lies_between_its_worst_and_best_order():
    found = ranking.pr_auc([0, 2, 5, 9, 14], [30, 22, 10, 4, 1])

    assert found.worst < found.value < found.best


def test_f1_of_nothing_is_unknown_and_of_all_right_is_one():
    assert math.isnan(ranking.f1(0, 0, 0).value)
    assert ranking.f1(9, 0, 0).value == 1.0


@pytest.mark.parametrize(("n", "rate"), [(400, 0.2), (1500, 0.1)])
def test_the_intervals_of_auc_and_f1_cover(n, rate):
    random, inside = np.random.default_rng(7), {"auc": 0, "f1": 0}
    edges, runs = np.linspace(0, 1, 201), 300
    truth = {"auc": 0.76024994, "f1": 0.0}

    def draw(rows):
        y = random.random(rows) < rate
        s = 1 / (1 + np.exp(-(random.normal(size=rows) + y)))
        return y, s

    y, s = draw(400_000)
    said = s >= 0.6
    truth["f1"] = 2 * (y & said).sum() / (2 * (y & said).sum() + (y ^ said).sum())
    for _ in range(runs):
        y, s = draw(n)
        yes, no = (np.histogram(s[y == k], edges)[0] for k in (True, False))
        a = ranking.auc(yes, no)
        said = s >= 0.6
        f = ranking.f1((y & said).sum(), (~y & said).sum(), (y & ~said).sum())
        inside["auc"] += a.low <= truth["auc"] <= a.high
        inside["f1"] += f.low <= truth["f1"] <= f.high

    assert 0.91 <= inside["auc"] / runs <= 0.985
    assert 0.91 <= inside["f1"] / runs <= 0.985


def test_a_mean_of_one_row_has_no_interval():
    assert all(math.isnan(v) for v in losses.mean(1, 3.0, 0.0))


def test_a_calibrated_model_shows_the_error_that_chance_gives_and_no_more():
    random = np.random.default_rng(3)
    p = (np.arange(20) + 0.5) / 20
    n = np.full(20, 250)
    found = [losses.calibration(n, random.binomial(n, p), n * p) for _ in range(200)]

    assert np.mean([f.ece for f in found]) == pytest.approx(np.mean([f.ece_noise for f in found]), rel=0.1)
    assert np.mean([abs(f.gap_z) > 1.96 for f in found]) < 0.09


def test_labels_that_come_late_are_expected_as_those_of_older_windows_came():
    triangle = [[50, 30, 10], [40, 40, np.nan], [60, np.nan, np.nan]]

    share = late.coverage(triangle, [100, 100, 100])

    assert share[0] == pytest.approx(0.5)
    assert share[1] == pytest.approx(0.5 * 160 / 90)
    assert share[2] == pytest.approx(share[1] * 90 / 80)


def test_the_delay_of_half_of_the_labels_is_read_off_the_curve():
    assert late.reached([0.4, 0.8, 0.8], [0, 10, 20, 30], 0.5) == pytest.approx(10.0)
    assert late.reached([0.2, 0.8], [0, 10, 20], 0.5) == pytest.approx(10 + 10 * 0.2 / 0.6)
    assert late.reached([np.nan], [0, 10], 0.5) == math.inf


def test_labels_of_a_choice_by_score_are_weighed_back():
    random = np.random.default_rng(5)
    n, rate = np.array([4000, 3000, 2000, 1000]), np.array([0.05, 0.2, 0.5, 0.8])
    labelled = (n * [0.05, 0.1, 0.5, 0.9]).astype(int)
    positive = random.binomial(labelled, rate)

    found = late.reweighted(n, labelled, positive)

    naive = positive.sum() / labelled.sum()
    truth = n @ rate / n.sum()
    assert abs(found.positives.sum() / n.sum() - truth) < 0.03 < naive - truth
    assert found.blind == 0.0
    assert 0.1 < found.effective < 0.6


def test_cells_without_a_label_are_blind():
    assert late.reweighted([90, 10], [9, 0], [3, 0]).blind == pytest.approx(0.1)


def test_the_rate_never_falls_and_lies_between_its_neighbours():
    fit = calibration.isotonic([10, 0, 20, 10, 10], [4, 0, 6, 9, 2])

    assert (np.diff(fit) >= 0).all()
    assert np.isnan(calibration.isotonic([0, 0], [0, 0])).all()


def world(random, blocks, rows, shift=0.0):
    middle = (np.arange(200) + 0.5) / 200
    share = np.exp(-((middle - 0.4 - shift) ** 2) / 0.08)
    n = random.multinomial(rows, share / share.sum(), size=blocks).astype(float)
    return n, random.binomial(n.astype(int), 0.1 + 0.8 * middle).astype(float)


def test_a_shift_of_the_inputs_is_estimated_within_its_band():
    random, inside, looks = np.random.default_rng(11), 0, 0
    for _ in range(40):
        n, yes = world(random, 8, 1500)
        reference = calibration.Reference(n, yes, 100)
        (now,), (truth,) = world(random, 1, 1500, shift=0.15)
        real = calibration.expected(truth, now - truth, 100).values
        for name, part in reference.estimate(now).items():
            inside += abs(part.value - real[name]) <= part.half
            looks += 1

    assert inside / looks >= 0.9


def test_a_reference_of_few_labels_or_blocks_says_what_it_lacks():
    random = np.random.default_rng(1)

    assert "labelled windows" in calibration.Reference(*world(random, 3, 1000), 100).lacking
    assert "labels" in calibration.Reference(*world(random, 6, 50), 100).lacking
    assert calibration.Reference(*world(random, 6, 1000), 100).lacking == ""


def test_bins_that_the_reference_hardly_knew_are_new():
    assert calibration.novel([50, 50], [1000, 1]) == pytest.approx(0.5)
    assert calibration.novel([5, 95], [10, 90]) == 0.0


def test_a_model_that_does_not_fall_has_no_half_life():
    found = half_life.half_life(range(8), [0.9] * 8, [0.01] * 8, 0.02)

    assert found.weeks == math.inf
    assert found.high == math.inf


def test_each_version_of_a_model_has_its_own_level():
    age = [0, 1, 2, 3, 0, 1, 2, 3]
    metric = [0.90, 0.89, 0.88, 0.87, 0.95, 0.94, 0.93, 0.92]

    found = half_life.half_life(age, metric, [0.001] * 8, 0.02, version=[1] * 4 + [2] * 4)

    assert found.weeks == pytest.approx(2.0)


def test_what_never_costs_more_is_never_retrained():
    assert half_life.cadence(3000, 0) == math.inf
