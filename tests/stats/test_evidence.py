import numpy as np
import pytest
from scipy import stats  # noqa: TID251 - the oracle

from mlops_cli.stats.evidence import p_value
from mlops_cli.stats.proportion import differs, exceeds


def test_a_bound_is_tested_where_there_is_one_and_the_baseline_elsewhere():
    a, n, b, c = np.full(3, 30.0), np.full(3, 100.0), np.full(3, 20.0), np.array([100.0, 100, np.nan])

    p = p_value("proportion", a, b, c, n, "up", [0.25, np.nan, np.nan])

    assert p[0] == exceeds(30, 100, 0.25, "up")
    assert p[1] == differs(30, 100, 20, 100, "up")
    assert np.isnan(p[2])


def test_a_proportion_without_bound_and_baseline_is_unknown():
    assert np.isnan(p_value("proportion", 3, np.nan, np.nan, 10, "up"))


def test_tests_are_those_of_scipy():
    x = np.array([0.0, 0.4, 3.0, 12.0])

    assert p_value("chi2", x, 3.5, 0, 9, "up") == pytest.approx(stats.chi2.sf(x, 3.5), rel=1e-12)
    assert p_value("ks", x, np.nan, np.nan, 9, "up") == pytest.approx(stats.kstwobign.sf(x), rel=1e-9)
    assert p_value("z", x, np.nan, np.nan, 9, "up") == pytest.approx(stats.norm.sf(x), rel=1e-12)
    assert p_value("z", x, np.nan, np.nan, 9, "down") == pytest.approx(stats.norm.cdf(x), rel=1e-12)
    assert p_value("z", -x, np.nan, np.nan, 9, "both") == pytest.approx(2 * stats.norm.sf(x), rel=1e-12)


def test_what_is_counted_needs_no_evidence():
    assert p_value("", [np.nan, 1.0], np.nan, np.nan, 5, "up").tolist() == [0, 0]


@pytest.mark.parametrize("test", ["chi2", "ks", "z", "proportion"])
def test_missing_numbers_are_unknown(test):
    assert np.isnan(p_value(test, [np.nan], [1.0], [5.0], [9.0], "up")).all()


def test_a_single_bin_is_no_evidence():
    assert p_value("chi2", [0.0], [0.0], 0, 9, "up").tolist() == [1]


def test_an_unknown_test_or_direction_is_refused():
    with pytest.raises(ValueError, match="test"):
        p_value("t", 1, 1, 1, 1, "up")
    with pytest.raises(ValueError, match="direction"):
        p_value("", 1, 1, 1, 1, "left")
