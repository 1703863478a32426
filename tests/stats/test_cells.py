import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlops_cli.stats.cells import (
    cells_of,
    coarsen,
    edges,
    quantile,
    representative,
    share_above,
    share_below,
    signed,
    support,
)

finite = st.floats(-1e30, 1e30).filter(lambda x: x == 0 or abs(x) > 1e-30)
values = arrays(np.float64, st.integers(1, 40), elements=finite)
bits = st.integers(4, 16)
few = settings(max_examples=60, deadline=None)


@few
@given(x=values, m=bits)
def test_cells_are_in_the_order_of_the_values(x, m):
    x = np.sort(x)

    assert (np.diff(cells_of(x, m)) >= 0).all()


@few
@given(x=values, m=bits)
def test_a_value_lies_between_the_edges_of_its_cell(x, m):
    as_stored = x.astype(np.float32).astype(np.float64)
    low, high = edges(cells_of(x, m), m)

    assert (low <= as_stored).all()
    assert (as_stored <= high).all()
    below_open = (as_stored < 0) & (low == as_stored)  # a negative cell does not hold its lower edge
    assert not below_open.any()


@few
@given(x=values, m=bits, s=st.integers(0, 4))
def test_grids_are_nested(x, m, s):
    np.testing.assert_array_equal(coarsen(cells_of(x, m), s), cells_of(x, m - s))


@few
@given(x=values, m=bits)
def test_the_representative_is_within_half_a_cell(x, m):
    x = x[x != 0]

    error = np.abs(representative(cells_of(x, m), m) - x)

    assert (error <= np.abs(x) * 2.0 ** -(m + 1) * (1 + 2.0**-m)).all()


@few
@given(x=arrays(np.int64, 30, elements=st.integers(-5_000, 5_000)), m=bits)
def test_the_support_of_an_integral_cell_holds_its_integers(x, m):
    cells = cells_of(x, m)
    low, high = support(*edges(cells, m), integral=True)

    assert (low == np.round(low)).all()
    assert (low <= x).all()
    assert (x <= high).all()
    np.testing.assert_array_equal(cells_of(low, m), cells)
    np.testing.assert_array_equal(cells_of(high, m), cells)


@few
@given(x=arrays(np.int64, 30, elements=st.integers(-255, 255)))
def test_integers_up_to_255_have_a_cell_of_their_own(x):
    np.testing.assert_array_equal(representative(cells_of(x, 7), 7, integral=True), x)


@few
@given(x=values)
def test_raw_bfloat16_keys_give_the_same_cells(x):
    raw = x.astype(np.float32).view(np.uint16)[1::2]

    np.testing.assert_array_equal(signed(raw, 7), cells_of(x, 7))


def test_both_zeros_lie_in_cell_zero():
    assert cells_of([0.0, -0.0], 7).tolist() == [0, 0]
    assert signed(np.array([0x8000], np.uint16), 7).tolist() == [0]


def test_an_offset_scales_what_float32_cannot_hold():
    tiny = np.array([1e-60, 2e-60, -3e-60])
    low, high = edges(cells_of(tiny, 7, 180), 7, 180)

    assert len(np.unique(cells_of(tiny, 7))) == 1
    assert (low <= tiny).all()
    assert (tiny <= high).all()


def test_what_is_beyond_float32_is_ordered_beyond_all_finite_values():
    low, inf, minus = cells_of([3e38, 1e300, -1e300], 7)

    assert minus < low < inf


def test_quantiles_are_those_of_numpy_within_a_cell():
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.lognormal(2, 1, 4_000), -rng.lognormal(0, 1, 1_000)])
    cells, rows = np.unique(cells_of(x, 7), return_counts=True)
    q = np.array([0, 0.01, 0.05, 0.5, 0.9, 0.99, 0.999, 1])

    mine = quantile(rows, *edges(cells, 7), q)

    np.testing.assert_allclose(mine, np.quantile(x, q), rtol=0.008)
    assert mine.shape == (8,)


def test_quantiles_of_whole_numbers_are_whole_and_exact_below_256():
    x = np.random.default_rng(4).poisson(60, 5_000)
    cells, rows = np.unique(cells_of(x, 7), return_counts=True)
    q = np.arange(0.05, 1, 0.1)

    mine = quantile([rows, rows * 0], *edges(cells, 7), q, integral=True)

    np.testing.assert_array_equal(mine[0], np.quantile(x, q, method="nearest"))
    assert np.isnan(mine[1]).all()


def test_quantile_refuses_what_is_not_a_share():
    with pytest.raises(ValueError, match="q must be"):
        quantile([1], [0.0], [1.0], 1.5)


@few
@given(rows=arrays(np.int64, (3, 12), elements=st.integers(0, 50)), x=st.integers(-2, 15))
def test_shares_below_and_above_a_point_are_exact_for_single_values(rows, x):
    at = np.arange(12.0)
    total = rows.sum(axis=1)
    known = total > 0

    below, above = share_below(rows, at, at, x), share_above(rows, at, at, x)

    np.testing.assert_allclose(below[known] * total[known], rows[known][:, at < x].sum(axis=1))
    np.testing.assert_allclose(above[known] * total[known], rows[known][:, at > x].sum(axis=1))
    assert np.isnan(below[~known]).all()


def test_shares_of_whole_numbers_count_whole_numbers():
    cells, rows = np.unique(cells_of(np.arange(512, 520), 7), return_counts=True)

    assert rows.tolist() == [4, 4]
    for x in np.arange(511, 521.0, 0.5):
        below = share_below(rows, *edges(cells, 7), x, integral=True)
        above = share_above(rows, *edges(cells, 7), x, integral=True)
        assert below == np.mean(np.arange(512, 520) < x)
        assert above == np.mean(np.arange(512, 520) > x)
        mirrored = np.unique(cells_of(-np.arange(512, 520), 7))
        assert share_above(rows, *edges(mirrored, 7), -x, integral=True) == below
