import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlops_cli.stats.bins import bins, cuts, pooled
from mlops_cli.stats.registry import DRIFT_STATISTICS
from mlops_cli.stats.statistic import Counts


def numbers(reference, current) -> Counts:
    at = np.arange(len(reference), dtype=float)
    return Counts(np.array(reference, float), np.array([current], float), at, at, ordered=True)


def categories(reference, current) -> Counts:
    none = np.full(len(reference), np.nan)
    return Counts(np.array(reference, float), np.array([current], float), none, none, ordered=False)


@settings(max_examples=80, deadline=None)
@given(rows=arrays(np.int64, st.integers(1, 40), elements=st.integers(0, 30)))
def test_a_cut_lies_at_the_cell_of_each_inner_decile(rows):
    values = np.repeat(np.arange(len(rows)), rows)
    n = len(values)
    deciles = {int(values[-((1 - n) * k // 10)]) for k in range(1, 10)} if n else set()

    found = set(cuts(rows.astype(float)).tolist())

    assert deciles <= found
    assert len(found) <= 17
    several = [d for d in deciles if sum(values[-((1 - n) * k // 10)] == d for k in range(1, 10)) > 1]
    assert found - deciles <= {d + 1 for d in several}


def test_ten_equal_bins_of_a_smooth_field():
    rows = bins(numbers([7] * 100, range(100)))

    assert rows.reference.tolist() == [70] * 10
    assert rows.current.tolist() == [[sum(range(i, i + 10)) for i in range(0, 100, 10)]]


def test_a_field_that_is_mostly_zero_keeps_its_other_values_apart():
    rows = bins(numbers([950, 30, 20], [500, 300, 200]))

    assert rows.reference.tolist() == [950, 50]
    assert rows.current.tolist() == [[500, 500]]
    drift = DRIFT_STATISTICS["js"].compute(numbers([950, 30, 20], [500, 300, 200]))
    assert drift.size[0] > 0.3


def test_a_constant_baseline_is_its_value_and_the_rest():
    rows = bins(numbers([0, 0, 80, 0], [5, 6, 7, 8]))

    assert rows.reference.tolist() == [80, 0]
    assert rows.current.tolist() == [[7, 19]]


def test_values_below_the_lowest_of_the_baseline_have_a_bin_where_the_lowest_is_heavy():
    rows = bins(numbers([0, 500, 500], [40, 0, 0]))

    assert rows.reference.tolist() == [0, 500, 500]
    assert rows.current.tolist() == [[40, 0, 0]]


def test_categories_are_those_of_the_baseline_and_one_bin_of_all_others():
    rows = bins(categories([5, 0, 3, 0], [1, 2, 4, 6]))

    assert rows.reference.tolist() == [5, 3, 0]
    assert rows.current.tolist() == [[1, 4, 8]]


def test_bins_too_rare_for_either_sample_are_pooled_whichever_has_them():
    counts = categories([1000, 1, 0, 1, 0], [100, 0, 1, 0, 20])

    rows = pooled(counts, bins(counts))

    assert rows.reference[0].tolist() == [1000, 0, 2]
    assert rows.current[0].tolist() == [100, 20, 1]


def test_shapes_that_do_not_fit_are_refused():
    at = np.arange(3.0)
    with pytest.raises(ValueError, match="shapes"):
        Counts(at, np.zeros((2, 4)), at, at, ordered=True)
    with pytest.raises(ValueError, match="shapes"):
        Counts(at, np.zeros(3), at, at, ordered=True)
