"""Statistics of people and models: published figures, edges, and the defects of other packages as fixtures."""

import numpy as np
import pytest

from mlops_cli.stats import (
    agreement,
    audits,
    certificate,
    numeric,
    paired,
    raters,
    reliability,
    selective,
    symmetry,
)
from mlops_cli.stats.annotator import alternative
from mlops_cli.stats.clusters import clustered, ratio_of_times
from mlops_cli.stats.slices import adjusted, more_often, risk_ratio

# ---------------------------------------------------------------- defects of others


def test_alpha_of_counts_of_eight_bits_does_not_overflow():
    # krippendorff 0.9.0 computes products of counts in their own type: -2.290 instead of 0.9151 on CIFAR-10H
    wide = np.array([[50, 1], [0, 51], [49, 2], [25, 26], [51, 0]] * 20)

    assert raters.alpha(wide.astype(np.int8)).value == raters.alpha(wide).value > 0


def test_a_class_that_is_never_confused_leaves_the_test_of_margins_defined():
    # statsmodels' homogeneity() gives NaN: its covariance is singular
    table = [[20, 10, 0], [3, 30, 0], [0, 0, 7]]
    found, without = symmetry.stuart_maxwell(table), symmetry.stuart_maxwell([[20, 10], [3, 30]])

    assert found.degrees == without.degrees == 1
    assert found.statistic == pytest.approx(without.statistic)


def test_no_error_is_lost_when_shares_of_errors_are_turned_into_counts():
    # SGR's int(m * erm) gives 14 for 15 of 22 errors
    curve = selective.steps(np.full(22, 0.5), errors=np.array([1] * 15 + [0] * 7))
    p = certificate.below(curve, 0.5)(slice(0, 1))[0]

    assert p == pytest.approx(0.9737, abs=1e-3)
    share = selective.steps(np.full(22, 0.5), errors=np.full(22, 15 / 22))
    assert certificate.below(share, 0.5)(slice(0, 1))[0] == p


def test_where_every_threshold_is_bad_nothing_is_certified():
    # SGR as coded returns its last midpoint even where the bound exceeds the target
    random = np.random.default_rng(1)
    curve = selective.steps(random.random(500), errors=random.random(500) < 0.5)

    assert certificate.certify(curve, certificate.below(curve, 0.05), 0.05) is None


def test_gwets_coefficient_is_not_cohens():
    # iaa-kit's "ac2" is weighted kappa: 0.667 where irrCAC says 0.838
    table = [[1, 1], [0, 8]]

    assert agreement.ac1(table).value - agreement.kappa(table).value > 0.15


def test_errors_that_are_zero_or_one_get_the_exact_test():
    # MAPIE's Hoeffding-Bentkus p-value is e times the binomial tail near the boundary: 0.1216 for 0.0447
    curve = selective.steps(np.full(5467, 0.5), errors=np.array([1] * 42 + [0] * 5425))

    assert certificate.below(curve, 0.01)(slice(0, 1))[0] == pytest.approx(0.04473008637449332, rel=1e-9)


def test_raters_who_use_one_class_only_have_no_kappa_and_a_reason():
    # scikit-learn gives NaN and a warning
    found = agreement.kappa([[2, 0], [0, 0]])

    assert np.isnan(found.value)
    assert found.reason == "one_class"


# ---------------------------------------------------------------- published figures


def test_the_paired_intervals_are_those_published():
    # Fagerland, Lydersen, Laake (2014): airway hyper-responsiveness, 21 children
    np.testing.assert_allclose(paired.tango(1, 7, 21), (-0.517, -0.026), atol=5e-4)
    np.testing.assert_allclose(paired.newcombe_paired(1, 1, 7, 12), (-0.507, -0.026), atol=6e-4)


SIZES = {0.01: 6183, 0.02: 1546, 0.05: 248}


@pytest.mark.parametrize("margin", list(SIZES))
def test_sizes_for_non_inferiority_are_those_of_the_specification(margin):
    assert paired.items_needed(0.1, 0.0, margin) == SIZES[margin]


ACCEPTED = [(0.01, 0.25, 774, 1127), (0.02, 0.5, 1091, 1601), (0.05, 0.7, 1219, 1864), (0.1, 0.9, 5462, 8293)]


@pytest.mark.parametrize(("target", "share", "one", "quarter"), ACCEPTED)
def test_sizes_for_a_certificate_are_those_of_the_specification(target, share, one, quarter):
    assert certificate.accepted_needed(share * target, target, 0.05) == one
    assert certificate.accepted_needed(share * target, target, 0.0125) == quarter
    assert certificate.accepted_needed(target, target, 0.05) is None


# ---------------------------------------------------------------- edges


def test_without_pairs_the_difference_may_be_anything():
    assert paired.tango(0, 0, 0) == (-1.0, 1.0)
    assert paired.newcombe_paired(0, 0, 0, 0) == (-1.0, 1.0)
    assert float(paired.not_worse(0, 0, 0, 0.02)) == 1.0
    assert paired.mcnemar(0, 0) == paired.McNemar(1.0, 1.0)


@pytest.mark.parametrize(("b", "c", "n"), [(10, 0, 10), (0, 10, 10), (0, 0, 10), (5, 0, 10), (0, 3, 50)])
def test_the_paired_interval_holds_the_difference_and_mirrors(b, c, n):
    low, high = paired.tango(b, c, n)
    mirrored = paired.tango(c, b, n)

    assert -1 <= low <= (b - c) / n <= high <= 1
    np.testing.assert_allclose((-high, -low), mirrored, atol=1e-12)


def test_two_starts_on_one_tie_add_up_their_levels():
    # All 100 items tie at two values: three of the four starts fall on the first step.
    confidence = np.array([0.9] * 60 + [0.5] * 40)
    errors = np.zeros(100)
    errors[:1] = 1
    curve = selective.steps(confidence, errors=errors)
    p = certificate.below(curve, 0.10)(slice(0, 1))[0]

    assert 0.0125 < p < 0.0375
    assert certificate.certify(curve, certificate.below(curve, 0.10), 0.05).step >= 0


def test_starts_below_the_least_coverage_of_use_are_dropped():
    assert certificate.starts_from(0.1) == (0.1, 0.2, 0.4, 0.7)
    assert certificate.starts_from(0.5) == (0.7,)
    assert certificate.starts_from(0.9) == (0.9,)


def test_shares_of_delta_add_up_to_delta():
    assert sum(certificate.spent(0.05, k) for k in range(1, 100_000)) == pytest.approx(0.05, abs=1e-6)


def test_the_curve_does_not_depend_on_the_order_of_the_rows():
    random = np.random.default_rng(2)
    confidence, errors = random.integers(0, 5, 200) / 5, random.random(200) < 0.3
    order = random.permutation(200)
    one = selective.steps(confidence, errors=errors)
    two = selective.steps(confidence[order], errors=errors[order])

    assert selective.aurc(one) == selective.aurc(two)
    np.testing.assert_array_equal(one.sums["errors"], two.sums["errors"])
    assert selective.auroc(one) == selective.auroc(two)


def test_without_items_the_curve_is_empty_and_nothing_is_certified():
    curve = selective.steps(np.array([]), errors=np.array([]))

    assert np.isnan(selective.aurc(curve)).all()
    assert certificate.certify(curve, certificate.below(curve, 0.05), 0.05) is None
    assert reliability.brier([], []) != reliability.brier([], [])


def test_a_column_that_never_changes_has_no_concordance():
    found = numeric.concordance([1, 1, 1], [1, 2, 3])

    assert np.isnan(found.value)
    assert found.reason == "constant"


def test_alpha_of_people_who_all_say_the_same_is_no_number():
    assert raters.alpha([[3, 0], [2, 0]]).reason == "one_value"
    assert raters.alpha([[1, 0], [0, 1]]).reason == "no_pairs"
    assert raters.ceiling([1], [0], [1]).items == 0


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval", "ratio"])
def test_alpha_is_one_where_people_agree_and_below_where_they_do_not(scale):
    agree = np.array([[3, 0, 0], [0, 3, 0], [0, 0, 3]] * 4)
    random = np.random.default_rng(3).integers(0, 3, (60, 3))

    assert raters.alpha(agree, scale, [1, 2, 3]).value == pytest.approx(1)
    assert raters.alpha(random, scale, [1, 2, 3]).value < 0.3


def test_one_cluster_tells_nothing_and_many_of_one_are_the_plain_error():
    x = np.array([0.0, 1, 1, 0, 1])

    assert clustered(x, np.zeros(5, int)).interval.high == np.inf
    assert clustered(x, np.arange(5)).se == pytest.approx(x.std(ddof=1) / np.sqrt(5))


def test_the_ratio_of_times_is_that_of_geometric_means():
    logs = np.log([10.0, 20, 5, 10])
    ratio, (low, high) = ratio_of_times(logs, [False, False, True, True], [0, 1, 0, 1])

    assert ratio == pytest.approx(0.5)
    assert low <= 0.5 <= high


def test_slices_are_judged_together():
    p = more_often([30, 10, 10], [100, 100, 100], 50, 300)
    q = adjusted(p)

    assert q[0] < 0.01 < q[1]
    assert (q >= p).all()
    assert risk_ratio(30, 100, 50, 300)[0] == pytest.approx(3)


def test_a_model_like_the_people_may_replace_them_and_a_poor_one_may_not():
    random = np.random.default_rng(4)
    people = np.repeat(np.arange(4), 50)
    human = random.random(200)

    assert alternative(people, human, human + 0.01).passed
    assert not alternative(people, human, human - 0.5).passed
    assert alternative(people[:8], human[:8], human[:8]).people == 0


def test_audits_of_a_faultless_model_never_alarm_and_of_a_broken_one_soon():
    assert audits.audit(np.zeros(5000), 0.05).alarm_at == 0
    assert audits.audit(np.ones(10), 0.05).alarm_at == 4
    assert audits.audit([], 0.05).n == 0
    assert audits.audits_needed(0.05, 0.05) is None
