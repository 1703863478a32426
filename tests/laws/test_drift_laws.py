"""Laws that every statistic of drift obeys: a new member inherits them by its line in the registry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlops_cli.errors import UsageError
from mlops_cli.stats.evidence import p_value
from mlops_cli.stats.registry import DEFAULT, DRIFT_STATISTICS
from mlops_cli.stats.statistic import Counts, Drift

NAMES = list(DRIFT_STATISTICS)
ROOTS = {"js", "hellinger", "chi-square"}
SYMMETRIC_ON_CATEGORIES = {"js", "hellinger", "chi-square", "linf"}
BOUNDED = {"js", "hellinger", "chi-square", "linf", "ks"}
CASES = [(name, kind) for name in NAMES for kind in DRIFT_STATISTICS[name].types]

rows = arrays(np.float64, st.integers(1, 30).map(lambda k: (4, k)), elements=st.integers(0, 400).map(float))


def counts_of(reference, current, kind="number", integral=False) -> Counts:
    reference, current = np.asarray(reference, float), np.atleast_2d(np.asarray(current, float))
    values = np.arange(len(reference), dtype=float)
    if kind == "category":
        return Counts(reference, current, values * np.nan, values * np.nan, ordered=False)
    n = max(reference.sum(), 1.0)
    mean = (reference * values).sum() / n
    sd = float(np.sqrt((reference * (values - mean) ** 2).sum() / n))
    return Counts(reference, current, values, values, ordered=True, reference_sd=sd, integral=integral)


def compute(name, *args, **how) -> Drift:
    return DRIFT_STATISTICS[name].compute(counts_of(*args, **how))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_equal_shares_are_no_drift(name, kind):
    reference = np.array([3.0, 20, 47, 0, 30])

    drift = compute(name, reference, [reference, reference * 7], kind=kind)

    np.testing.assert_allclose(drift.value, 0, atol=1e-12)
    np.testing.assert_array_equal(drift.size, 0)
    np.testing.assert_allclose(p_value(drift.test, drift.a, drift.b, 0, 100, "up"), 1, atol=1e-6)


@pytest.mark.parametrize(("name", "kind"), CASES)
@settings(max_examples=40, deadline=None)
@given(table=rows)
def test_value_and_size_are_in_range_and_unknown_exactly_where_a_sample_is_empty(name, kind, table):
    drift = compute(name, table[0], table[1:], kind=kind)

    known = (table[0].sum() > 0) & (table[1:].sum(axis=1) > 0)
    if name == "wasserstein" and np.count_nonzero(table[0]) < 2:
        known[:] = False
    for numbers in (drift.value, drift.expected, drift.size, drift.a):
        np.testing.assert_array_equal(np.isfinite(numbers), known)
    assert (drift.value[known] >= 0).all()
    assert (drift.expected[known] >= 0).all()
    assert (drift.size[known] >= 0).all()
    assert (drift.size[known] <= drift.value[known] + 1e-9).all()
    if name in BOUNDED:
        assert (drift.value[known] <= 1 + 1e-12).all()


@pytest.mark.parametrize(("name", "kind"), CASES)
@settings(max_examples=40, deadline=None)
@given(table=rows)
def test_size_is_value_less_expected(name, kind, table):
    drift = compute(name, table[0], table[1:], kind=kind)

    power = 2 if name in ROOTS else 1
    rest = drift.value**power - drift.expected**power
    np.testing.assert_allclose(drift.size**power, np.maximum(rest, 0), atol=1e-9)


@pytest.mark.parametrize(("name", "kind"), CASES)
@settings(max_examples=40, deadline=None)
@given(table=rows, factor=st.integers(2, 50))
def test_value_does_not_depend_on_how_many_rows_a_window_has(name, kind, table, factor):
    once = compute(name, table[0], table[1:], kind=kind).value
    often = compute(name, table[0], table[1:] * factor, kind=kind).value

    if name == "chi-square":  # V weighs the two samples by their rows: only both together scale
        often = compute(name, table[0] * factor, table[1:] * factor, kind="category").value
        once = compute(name, table[0], table[1:], kind="category").value
    np.testing.assert_allclose(often, once, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", sorted(SYMMETRIC_ON_CATEGORIES))
@settings(max_examples=40, deadline=None)
@given(table=rows)
def test_value_of_categories_is_symmetric(name, table):
    there = compute(name, table[0], table[1], kind="category").value
    back = compute(name, table[1], table[0], kind="category").value

    np.testing.assert_allclose(there, back, rtol=1e-9, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(table=rows)
def test_kolmogorov_smirnov_is_symmetric(table):
    np.testing.assert_allclose(
        compute("ks", table[0], table[1]).value, compute("ks", table[1], table[0]).value, atol=1e-12
    )


@pytest.mark.parametrize("name", ["js", "hellinger", "psi", "chi-square"])
@settings(max_examples=40, deadline=None)
@given(table=rows, parts=st.integers(2, 6))
def test_unseen_categories_are_pooled(name, table, parts):
    reference, current = np.append(table[0], 0.0), np.append(table[1], 60.0)
    split = np.concatenate([table[1], np.full(parts, 60.0 / parts)])
    longer = np.concatenate([table[0], np.zeros(parts)])

    one = compute(name, reference, current, kind="category").value
    many = compute(name, longer, split, kind="category").value

    np.testing.assert_allclose(one, many, rtol=1e-9, atol=1e-12)


def test_l_infinity_looks_at_unseen_categories_one_by_one():
    drift = compute("linf", [100, 0, 0], [80, 12, 8], kind="category")

    assert drift.value[0] == pytest.approx(0.2)
    drift = compute("linf", [50, 50, 0, 0], [40, 40, 12, 8], kind="category")
    assert drift.value[0] == pytest.approx(0.12)


@pytest.mark.parametrize(("name", "kind"), CASES)
@settings(max_examples=40, deadline=None)
@given(table=rows, seed=st.integers(0, 99))
def test_order_of_categories_and_windows_changes_nothing(name, kind, table, seed):
    drift = compute(name, table[0], table[1:], kind=kind)
    order = np.random.default_rng(seed).permutation(3)
    cells = np.random.default_rng(seed).permutation(table.shape[1])
    if kind == "number":
        cells = np.arange(table.shape[1])

    other = compute(name, table[0][cells], table[1:][order][:, cells], kind=kind)

    for mine, theirs in ((drift.value, other.value), (drift.size, other.size), (drift.a, other.a)):
        np.testing.assert_allclose(mine[order], theirs, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("name", "kind"), CASES)
@settings(max_examples=40, deadline=None)
@given(table=rows)
def test_cells_without_rows_change_nothing(name, kind, table):
    wide = np.zeros((4, table.shape[1] * 2 + 1))
    wide[:, 1::2] = table
    values = np.repeat(np.arange(table.shape[1] + 1.0), 2)[1:]
    counts = counts_of(wide[0], wide[1:], kind=kind)
    if kind == "number":
        sd = counts_of(table[0], table[1:]).reference_sd
        counts = Counts(wide[0], wide[1:], values - 0.0, values - 0.0, ordered=True, reference_sd=sd)

    mine, theirs = DRIFT_STATISTICS[name].compute(counts), compute(name, table[0], table[1:], kind=kind)

    np.testing.assert_allclose(mine.value, theirs.value, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(mine.size, theirs.size, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_nothing_shared_is_the_greatest_drift_and_overwhelming_evidence(name, kind):
    drift = compute(name, [500, 500, 0, 0], [0, 0, 500, 500], kind=kind)

    # sd is 0.5 and the distance 2; both new values lie in the last bin of a number, apart as categories
    greatest = {"js": 1, "hellinger": 1, "chi-square": 1, "ks": 1, "wasserstein": 4, "psi": drift.value[0]}
    greatest["linf"] = 1 if kind == "number" else 0.5
    assert drift.value[0] == pytest.approx(greatest[name], abs=1e-9)
    assert drift.size[0] > 0.4 * drift.value[0]
    assert p_value(drift.test, drift.a, drift.b, 0, 1000, "up")[0] < 1e-50


@pytest.mark.parametrize("name", [n for n in NAMES if n != "wasserstein"])
def test_a_constant_that_stays_is_no_drift_and_one_that_moves_is(name):
    kind = "number" if "category" not in DRIFT_STATISTICS[name].types else "category"
    for how in {kind, "number"}:
        drift = compute(name, [1000, 0], [[1000, 0], [0, 1000]], kind=how)

        assert drift.value[0] == drift.size[0] == 0
        assert drift.size[1] > 0.9 * drift.value[1] > 0
        p = p_value(drift.test, drift.a, drift.b, 0, 1000, "up")
        assert p[0] == pytest.approx(1)
        assert p[1] < 1e-50


def test_wasserstein_of_a_constant_baseline_is_unknown():
    drift = compute("wasserstein", [1000, 0], [[1000, 0], [0, 1000]])

    assert np.isnan(drift.value).all()
    assert np.isnan(drift.size).all()


@pytest.mark.parametrize("name", NAMES)
def test_no_window_and_no_cell_are_answered_with_no_number(name):
    assert compute(name, [1, 2], np.zeros((0, 2))).value.shape == (0,)
    nothing = np.zeros(0)
    drift = DRIFT_STATISTICS[name].compute(Counts(nothing, np.zeros((2, 0)), nothing, nothing, ordered=True))
    assert np.isnan(drift.value).all()


@pytest.mark.parametrize("name", NAMES)
def test_every_member_says_what_it_is(name):
    member = DRIFT_STATISTICS[name]

    assert set(member.types) <= {"number", "category"}
    assert member.unit in {"share", "nats", "sd"}
    assert all([member.title, member.formula, member.source, member.help])
    assert not member.help.endswith(".")


def test_the_default_of_a_type_is_defined_for_it():
    for kind, name in DEFAULT.items():
        assert kind in DRIFT_STATISTICS[name].types


def test_an_unknown_statistic_is_refused_with_the_nearest():
    with pytest.raises(UsageError) as refused:
        DRIFT_STATISTICS["hellingr"]
    assert refused.value.do == "write 'hellinger'?"
