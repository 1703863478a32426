"""Evidence from counts: what it is at the edges, and that its parts agree."""

import numpy as np
import pytest

from mlops_cli.stats.evalues import log_average, named
from mlops_cli.stats.mean_sequence import log_e_mean, radius, stratified, tuned, until_radius
from mlops_cli.stats.rate_ratio import ratio_sequence
from mlops_cli.stats.sequential import (
    Increments,
    increments,
    limit_increments,
    log_e,
    log_e_late,
    log_e_total,
    lower_excess,
    onset,
    until,
    upper_excess,
)
from mlops_cli.stats.split import dwells, log_e_split

NONE = Increments(np.zeros((0, 48)), np.zeros((0, 48)))


def test_a_cell_without_one_of_the_arms_says_nothing():
    both = increments([5.0], [10.0], [100.0], [900.0])
    more = increments([5.0, 3.0, 0.0], [10.0, 0.0, 7.0], [100.0, 50.0, 0.0], [900.0, 0.0, 300.0])

    assert log_e_total(more) == pytest.approx(log_e_total(both))


def test_no_cells_are_no_evidence():
    assert log_e_total(NONE) == pytest.approx(0.0)
    assert lower_excess(NONE, 0.01) == -1.0
    assert upper_excess(NONE, 0.05) == 1.0
    assert onset(NONE) == 0


def test_no_event_is_no_evidence_of_harm_and_certifies_only_with_a_margin():
    harm, safe = (increments([0.0], [0.0], [1e4], [9e4], 1.0, side) for side in (1, -1))

    assert log_e_total(harm) <= 0
    assert log_e_total(safe) == pytest.approx(0.0)
    assert log_e_total(safe, 0.001) > 3


def test_cells_may_be_split_without_changing_the_evidence():
    one = increments([6.0], [40.0], [300.0], [2_700.0])
    three = increments([1.0, 2.0, 3.0], [10.0, 10.0, 20.0], [100.0, 100.0, 100.0], [900.0, 900.0, 900.0])

    assert log_e(three)[-1] == pytest.approx(log_e_total(one))


def test_the_start_mixture_costs_at_most_a_factor_of_two():
    rng = np.random.default_rng(1)
    found = increments(rng.binomial(200, 0.02, 50), rng.binomial(1_800, 0.01, 50), 200, 1_800)

    assert (log_e_late(found) >= log_e(found) - np.log(2) - 1e-12).all()


def test_late_harm_has_its_onset_found():
    xc = np.r_[np.full(100, 2.0), np.full(20, 12.0)]

    assert 95 <= onset(increments(xc, np.full(120, 18.0), 200, 1_800)) <= 102


def test_bounds_hold_the_difference_between_them():
    xc, xb = np.full(40, 4.0), np.full(40, 18.0)
    low = float(lower_excess(increments(xc, xb, 200, 1_800), 0.01))
    high = float(upper_excess(increments(xc, xb, 200, 1_800, 1.0, -1), 0.05))

    assert -1 < low < 0.01 < high < 1


@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_the_expected_path_is_the_first_window_that_is_enough(alpha):
    step = increments([3.0], [18.0], [200.0], [1_800.0])
    path = until(NONE, step, 0.0, alpha)
    line = log_e(increments(np.full(200, 3.0), np.full(200, 18.0), 200, 1_800))

    assert path == int(np.argmax(line >= -np.log(alpha))) + 1


def test_what_never_comes_has_no_eta():
    same = increments([2.0], [18.0], [200.0], [1_800.0])

    assert until(NONE, same, 0.0, 0.01) is None


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (increments, ([1], [1], [10], [10], 0.0)),
        (increments, ([1], [1], [10], [10], 1.0, 2)),
        (increments, ([-1], [1], [10], [10])),
        (limit_increments, ([1], [10], 0.0)),
        (limit_increments, ([1], [10], 0.5, 0)),
    ],
)
def test_impossible_arguments_are_refused(call, arguments):
    with pytest.raises(ValueError, match="must"):
        call(*arguments)


@pytest.mark.parametrize(
    ("events", "side", "plain"), [(8, -1, 3.11), (9, -1, 2.36), (40, 1, 5.72), (38, 1, 4.47)]
)
def test_one_arm_against_its_limit(events, side, plain):
    found = limit_increments([events], [1_000], 0.02, side)

    assert log_e_total(found) == pytest.approx(plain, abs=0.005)
    if side == 1:
        assert log_e_late(found)[-1] == pytest.approx(plain - np.log(2), abs=0.02)


@pytest.mark.parametrize(("limit", "units"), [(0.02, 227), (0.01, 455), (0.001, 4_564)])
def test_without_an_event_it_is_safe_after_so_many_units(limit, units):
    line = [log_e_total(limit_increments([0], [n], limit, -1)) for n in (units - 1, units)]

    assert line[0] < np.log(20) <= line[1]


def test_the_ratio_of_nothing_is_unbounded():
    assert ratio_sequence([0], [0], [10], [10], 0.05) == (0.0, float("inf"))


def test_a_difference_of_means_is_unknown_until_there_are_two_units():
    one = stratified([1], [5.0], [25.0], [1], [4.0], [16.0])

    assert np.isnan(one.variance).all()
    assert radius(one.variance, 1.0, 0.05).tolist() == [np.inf]
    assert log_e_mean(one.estimate, one.variance, 1.0).tolist() == [0.0]


def test_units_that_hang_together_widen_the_bound():
    rng = np.random.default_rng(2)
    shift = rng.normal(0, 1, (2, 60))
    n = np.full(60, 50.0)
    sums = [v for s in shift for v in (n, n * s, n * (s * s + 0.01))]
    plain, robust = (stratified(*sums, robust=r) for r in (False, True))

    assert robust.variance[-1] > 20 * plain.variance[-1]
    assert robust.variance[18] == plain.variance[18]  # from twenty cells on


def test_the_radius_is_narrowest_at_the_effect_it_is_tuned_for():
    effect = 0.05
    here = tuned(effect, 0.05)
    variances = np.geomspace(1e-6, 1e-2, 4_001)
    variance = float(variances[np.argmax(radius(variances, here, 0.05) >= effect)])
    at = float(radius(variance, here, 0.05))

    assert at == pytest.approx(effect, rel=0.01)
    assert all(at <= float(radius(variance, here * f, 0.05)) * 1.005 for f in (0.2, 0.5, 2.0, 5.0))
    assert until_radius(variance, 10, here, 0.05, at / 2) > 10
    assert until_radius(float("nan"), 10, here, 0.05, at) is None


def test_a_share_of_nothing_or_of_all_is_not_tested():
    assert log_e_split([0, 100], [100, 0], [0.0, 1.0]).tolist() == [0.0, 0.0]


def test_dwells_are_found_where_the_share_steps_and_not_elsewhere():
    rng = np.random.default_rng(3)
    share = np.repeat([0.05, 0.2, 0.5], 30)
    c = rng.binomial(1_000, share)

    assert dwells(c, 1_000 - c) == [0, 30, 60]
    assert dwells([], []) == []
    odd = np.full(20, 50)
    odd[7] = 400  # one odd window is no step

    assert dwells(odd, 1_000 - odd) == [0]


def test_averages_of_e_values():
    assert log_average([]) == -np.inf
    assert log_average([-np.inf, np.log(4)]) == pytest.approx(np.log(2))
    assert log_average([np.log(8), 0.0], [3, 1]) == pytest.approx(np.log(25 / 4))


def test_culprits_are_named_only_where_every_average_that_holds_them_is_enough():
    assert named([np.log(400), np.log(3), np.log(2)], 0.01) == (True, False, False)
    assert named([np.log(150), np.log(150), -5.0], 0.01) == (False, False, False)
    assert named([np.log(400), np.log(3)], 0.01, [1, 1]) == (True, False)
    assert named([], 0.01) == ()
