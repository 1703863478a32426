import numpy as np
import pytest
from scipy import stats  # noqa: TID251 - the oracle

from mlops_cli.stats.proportion import EXACT, clopper_pearson, differs, exceeds, newcombe, wilson

K, N = np.meshgrid(np.array([0, 1, 5, 40]), np.array([40, 41, 1_000, 10_000_000]))


def test_wilson_is_that_of_scipy():
    mine = wilson(K, N, 0.9)

    for i, (k, n) in enumerate(zip(K.ravel(), N.ravel(), strict=True)):
        theirs = stats.binomtest(int(k), int(n)).proportion_ci(0.9, "wilson")
        assert mine.low.ravel()[i] == pytest.approx(theirs.low, rel=1e-9, abs=1e-14)
        assert mine.high.ravel()[i] == pytest.approx(theirs.high, rel=1e-9)


def test_clopper_pearson_bounds_are_quantiles_of_beta_distributions():
    mine = clopper_pearson(K, N, 0.9)

    np.testing.assert_allclose(mine.low[K > 0], stats.beta.ppf(0.05, K, N - K + 1)[K > 0], rtol=1e-9)
    np.testing.assert_allclose(mine.high[K < N], stats.beta.ppf(0.95, K + 1, N - K)[K < N], rtol=1e-9)
    assert (mine.low[K == 0] == 0).all()
    assert (mine.high[K == N] == 1).all()


def test_wilson_of_rare_events_keeps_its_digits():
    # (p + z^2/2n - z sqrt(p (1 - p)/n + z^2/4n^2)) / (1 + z^2/n) with 50 digits
    assert wilson(1, 10_000_000, 0.9).low == pytest.approx(2.2309222389951700539e-8, rel=1e-12)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_no_row_says_nothing_of_a_proportion(interval):
    assert interval(0, 0, 0.95) == (0.0, 1.0)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_unknown_counts_have_unknown_bounds(interval):
    assert np.isnan(interval(np.nan, 10, 0.95)).all()


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_wrong_counts_and_levels_are_refused(interval):
    with pytest.raises(ValueError, match="count"):
        interval(5, 4, 0.95)
    with pytest.raises(ValueError, match="count"):
        interval([-1], [4], 0.95)
    with pytest.raises(ValueError, match="level"):
        interval(1, 4, 95)


# Newcombe (1998), Table II, method 10: the eight examples (a) to (h).
NEWCOMBE = [
    ((56, 70, 48, 80), (0.0524, 0.3339)),
    ((9, 10, 3, 10), (0.1705, 0.8090)),
    ((6, 7, 2, 7), (0.0582, 0.8062)),
    ((5, 56, 0, 29), (-0.0381, 0.1926)),
    ((0, 10, 0, 20), (-0.1611, 0.2775)),
    ((0, 10, 0, 10), (-0.2775, 0.2775)),
    ((10, 10, 0, 20), (0.6791, 1.0000)),
    ((10, 10, 0, 10), (0.6075, 1.0000)),
]


@pytest.mark.parametrize(("counts", "published"), NEWCOMBE)
def test_newcombe_agrees_with_the_published_table(counts, published):
    assert newcombe(*counts, 0.95) == pytest.approx(published, abs=6e-5)


def test_newcombe_of_an_empty_sample_is_everything():
    low, high = newcombe([1, 0], [2, 0], [0, 1], [0, 2], 0.95)

    assert low.tolist() == [-1, -1]
    assert high.tolist() == [1, 1]


@pytest.mark.parametrize("p0", [0.0, 1e-4, 0.3, 1.0])
def test_exceeds_is_the_binomial_tail_of_scipy(p0):
    for direction, alternative in (("up", "greater"), ("down", "less")):
        mine = exceeds(K, N, p0, direction)
        for p, k, n in zip(mine.ravel(), K.ravel(), N.ravel(), strict=True):
            theirs = stats.binomtest(int(k), int(n), p0, alternative).pvalue
            assert p == pytest.approx(theirs, rel=1e-8, abs=1e-300)


def test_exceeds_knows_rates_outside_the_shares_and_no_rows():
    assert exceeds([3, 3, 0, 2], [9, 9, 0, np.nan], [-1, 2, 0.5, 0.5], "up")[:2].tolist() == [0, 1]
    assert np.isnan(exceeds([3, 0], [np.nan, 0], 0.5, "up")).all()


def test_differs_is_fishers_exact_test_where_rows_are_few():
    rng = np.random.default_rng(6)
    n, m = rng.integers(1, 4_000, 200), rng.integers(1, 4_000, 200)
    a, b = rng.integers(0, np.minimum(n, 50) + 1), rng.integers(0, np.minimum(m, 50) + 1)

    for direction, alternative in (("up", "greater"), ("down", "less")):
        mine = differs(a, n, b, m, direction)
        table = zip(a, n, b, m, strict=True)
        theirs = [stats.fisher_exact([[w, x - w], [y, z - y]], alternative).pvalue for w, x, y, z in table]
        np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("ratio", [1, 50])
@pytest.mark.parametrize("rate", [0.01, 0.3])
@pytest.mark.parametrize("p", [1e-2, 1e-4, 1e-6])
def test_differs_of_many_rows_is_within_a_tenth_of_the_exact_test(ratio, rate, p):
    n = round(2 * EXACT / rate)
    m, b = n * ratio, round(n * ratio * rate)
    a = np.arange(round(n * rate), round(n * rate * 1.3))
    exact = stats.hypergeom.sf(a - 1, n + m, a + b, n)
    at = np.argmin(np.abs(exact - p))

    assert differs(a[at], n, b, m, "up") == pytest.approx(exact[at], rel=0.1)


def test_differs_is_one_sided_and_both_is_twice_the_smaller():
    up, down = differs(30, 100, 10, 100, "up"), differs(30, 100, 10, 100, "down")

    assert up < 0.001
    assert down > 0.999
    assert differs(30, 100, 10, 100, "both") == pytest.approx(2 * up)


def test_differs_of_an_empty_sample_is_unknown_and_of_no_event_no_evidence():
    assert np.isnan(differs([1, 0], [2, 0], [0, 1], [0, 2], "up")).all()
    assert differs(0, 10, 0, 20, "up") == pytest.approx(1)
    assert differs(10, 10, 20, 20, "down") == pytest.approx(1)


@pytest.mark.parametrize("test", [lambda d: exceeds(1, 2, 0.5, d), lambda d: differs(1, 2, 1, 2, d)])
def test_an_unknown_direction_is_refused(test):
    with pytest.raises(ValueError, match="direction"):
        test("sideways")
