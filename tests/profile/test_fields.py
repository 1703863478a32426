"""What kind of field a column is, and how finely it is counted."""

import math
import random
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_cli.profile.fields import Sample, field_of, gauge
from mlops_cli.stats.cells import cells_of

RNG = np.random.default_rng(7)
N = 4_000


def field(values, column="features.x", dtype=None, rows=N, **more):
    series = values if isinstance(values, pl.Series) else pl.Series("", values, dtype)
    return field_of("predictions", column, Sample(series, rows, **more))


def type_of(values, column="features.x", dtype=None):
    return field(values, column, dtype).type


def words(n, count):
    rng = random.Random(1)
    return [
        " ".join(rng.choices(["the", "late", "flight", "of", "a", "carrier", "is", "full"], k=count)) + str(i)
        for i in range(n)
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.5, 1.5], "number"),
        ([1, 2, 3], "number"),
        ([True, False], "category"),
        (["a", "b"] * 500, "category"),
        ([f"v{i % 300}" for i in range(N)], "category"),
        ([f"{i:032x}" for i in range(N)], "id"),
        ([f"{i}" for i in range(30)], "number"),
        ([f"v{i % 20}" for i in range(30)], "category"),
        ([f"v{i}" for i in range(30)], "id"),
        ([f"{i / 7:.4f}" for i in range(N)], "number"),
        (words(N, 6), "text"),
        ([f"2026-11-23 13:50:{i // 60:02d},{i:03d}" for i in range(N)], "id"),
        ([f"Ärger über die Nr. {i}" for i in range(N)], "text"),
        (["Delta Air Lines", "United Air Lines"] * 500, "category"),
        ([None, None], "category"),
        ([], "category"),
        (["", ""] * 500, "category"),
        ([timedelta(seconds=3)], "number"),
    ],
)
def test_the_type_of_a_feature(values, expected):
    assert type_of(values) == expected


def test_a_number_that_names_things_is_an_id_and_one_that_measures_is_none():
    numbers = list(range(N))

    assert type_of(numbers, "features.customer_id") == "id"
    assert type_of(numbers, "features.amount") == "number"
    assert type_of([i % 9 for i in numbers], "features.origin_id") == "number"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, 1], "category"),
        (list(range(N)), "number"),
        ([0.0, 1.0], "number"),
        ([True], "category"),
        (["late", "on time"] * 500, "category"),
        (words(N, 6), "text"),
        ([str(i / 7) for i in range(N)], "number"),
    ],
)
def test_a_prediction_is_a_number_a_class_or_a_text(values, expected):
    assert type_of(values, "prediction") == expected


@pytest.mark.parametrize("column", ["score", "latency_ms", "tokens_in", "cost"])
def test_a_canonical_number_is_one_whatever_the_sample_holds(column):
    assert type_of([], column) == "number"
    assert type_of([None], column, pl.Null) == "number"


def test_what_errors_and_ids_are_does_not_hang_on_the_sample():
    assert field_of("predictions", "error", Sample()).type == "category"
    assert field_of("predictions", "request_id", Sample()).type == "id"


def test_every_status_has_a_cell_of_its_own():
    status = field_of("requests", "status", Sample())

    assert (status.type, status.integral) == ("number", True)
    assert len(set(cells_of(np.arange(100, 600), status.mantissa).tolist())) == 500


def test_the_name_and_role_of_a_feature_are_without_their_prefix():
    it = field([1.0], "features.dep.delay")

    assert (it.name, it.column, it.role) == ("dep.delay", "features.dep.delay", "feature")


@pytest.mark.parametrize(
    ("values", "mantissa", "integral"),
    [
        (RNG.normal(0, 1, N), 7, False),
        (RNG.normal(100, 15, N), 7, False),
        (RNG.normal(293, 1, N), 13, False),  # performance.md 1: Kelvin
        (RNG.poisson(3, N), 7, True),
        (RNG.poisson(500, N), 10, True),
        (RNG.normal(2020, 3, N).round(), 11, True),  # years
        (RNG.integers(0, 10**9, N), 14, True),
        (np.full(N, 5.5), 7, False),
        (np.zeros(N), 7, True),
        (np.array([np.nan, np.inf, 2.5]), 7, False),
    ],
)
def test_the_resolution_follows_the_spread_of_the_sample(values, mantissa, integral):
    it = field(values)

    assert (it.mantissa, it.integral) == (mantissa, integral)


def test_whole_numbers_below_the_bound_have_a_cell_each():
    values = RNG.integers(0, 5_000, N)
    it = field(values)

    assert len(set(cells_of(np.unique(values), it.mantissa).tolist())) == len(np.unique(values))


def test_a_fine_field_has_a_histogram_around_its_sample_and_no_huge_one():
    kelvin = RNG.normal(293, 1, N)
    fine, huge = field(kelvin), field(np.append(RNG.integers(-9_000, 9_000, N), [0]))
    cells = cells_of(kelvin, fine.mantissa)

    assert fine.low_cell < cells.min() < cells.max() < fine.high_cell
    assert fine.high_cell - fine.low_cell < 2 * (cells.max() - cells.min())
    assert huge.mantissa == 14
    assert huge.high_cell - huge.low_cell <= 1 << 20


@pytest.mark.parametrize("scale", [1e-300, 1e-42, 1e39, 1e300])
def test_values_beyond_a_float32_are_scaled_into_it(scale):
    values = RNG.normal(5, 1, N) * scale
    it = field(values)
    cells = cells_of(values, it.mantissa, it.offset)

    assert len(np.unique(cells)) > 100
    assert np.abs(cells).max() < cells_of([np.finfo(np.float32).max], it.mantissa)[0] + 1


def test_plain_values_are_not_scaled():
    assert field(np.array([0.0, 1e-20, 1e20])).offset == 0


@given(
    st.lists(st.floats(-1e9, 1e9).filter(lambda v: v == 0 or abs(v) > 1e-9), min_size=1, max_size=50),
    st.integers(1, 10**8),
)
def test_sums_of_many_files_are_exact_and_a_mean_is_close(values, rows):
    it = field(values, rows=rows)
    largest = max(abs(v) for v in values) or 1.0
    of_file = largest * max(rows, 65_536)

    assert math.log2(it.quantum).is_integer()
    assert of_file * 2**16 <= 2**53 * it.quantum  # 65,000 such files
    assert of_file * largest * 2**16 <= 2**53 * it.quantum_sq
    assert it.quantum / 2 / max(rows, 65_536) <= largest * 2.0**-35


@pytest.mark.parametrize("value", [5e-324, 1.7e308])
def test_the_quantum_of_an_extreme_field_is_finite_and_not_zero(value):
    it = field([value])

    assert 0 < it.quantum < math.inf
    assert 0 < it.quantum_sq < math.inf


def test_latencies_that_were_rounded_are_no_whole_numbers():
    assert not field([1.0, 250.0], "latency_ms").integral
    assert field([1.0, 250.0]).integral


def test_ages_are_numbers_of_seconds_that_are_not_whole_by_chance():
    it = field(pl.Series("", [60.0, 120.0]), age=True)

    assert (it.type, it.integral) == ("age", False)


@pytest.mark.parametrize(("rows", "stride"), [(500, 1), (2_000, 2), (10_000, 8), (333_000, 64)])
def test_of_small_files_more_texts_are_read(rows, stride):
    assert field(words(N, 6), rows=rows).stride == stride


def test_very_long_texts_are_read_rarely():
    assert field(words(N, 400)).stride == 1_024


def test_a_gauge_is_a_number_named_as_its_metric():
    it = gauge("load", Sample(pl.Series("", [0.1, 0.2]), 2))

    assert (it.kind, it.name, it.column, it.type, it.role) == ("gauges", "load", "value", "number", "gauge")
