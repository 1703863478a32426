"""The kernel against counting by hand in plain Python, and the laws of merging."""

import dataclasses
import importlib.util
import itertools
import random
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from mlops_cli.logs.format import LogFile, Part
from mlops_cli.profile.cache import Cache
from mlops_cli.profile.columns import WORDS
from mlops_cli.profile.kernel import profile_file
from mlops_cli.profile.merge import merge
from mlops_cli.profile.registry import ENGINES
from mlops_cli.profile.spec import FieldSpec, ProfileSpec, WindowSpec
from mlops_cli.profile.view import pool, select

_SPEC = importlib.util.spec_from_file_location("hand", Path(__file__).parents[1] / "metrics" / "profiles.py")
hand = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(hand)

KEYS = {"timestamp": "at", "model": "model", "component": "component", "variant": "arm"}
TYPES = dict.fromkeys("ctu", pl.String) | {
    "x": pl.Float64,
    "fine": pl.Float64,
    "whole": pl.Int32,
    "flag": pl.Boolean,
}
ROWS = FieldSpec("predictions", "", "", "rows", "rows")
WHOLE = (
    FieldSpec("predictions", "x", "features.x", "number", "feature", quantum=2.0**-10, quantum_sq=2.0**-2),
    FieldSpec(
        "predictions", "fine", "features.fine", "number", "feature", mantissa=12, low_cell=400_000, high_cell=600_000,
        quantum=2.0**-10, quantum_sq=2.0**-2,
    ),
    FieldSpec("predictions", "whole", "features.whole", "number", "feature", mantissa=9, integral=True),
    FieldSpec("predictions", "c", "features.c", "category", "feature"),
    FieldSpec("predictions", "flag", "features.flag", "category", "feature"),
    FieldSpec("predictions", "t", "features.t", "text", "feature", stride=1),
    FieldSpec("predictions", "u", "features.u", "id", "feature"),
    FieldSpec("predictions", "late", "features.late", "number", "feature"),
)  # fmt: skip
SPEC = ProfileSpec(WindowSpec(3_600), (ROWS, *WHOLE))
SEGMENTED = dataclasses.replace(SPEC, segments=((("features.c",), (("a", "b"),)),))


def some_rows(seed, n, hours=(0, 1, 2), arms=("", "canary"), components=("", "scorer")):
    rng = random.Random(seed)
    out = []
    for i in range(n):
        values = {
            "x": rng.choice(
                [rng.gauss(0, 1), rng.gauss(0, 100), None, 0.0, -0.0, float("inf"), float("nan")]
            ),
            "fine": rng.choice([rng.gauss(293, 1), -5.0, 1e6, None]),
            "whole": rng.randrange(-3, 500),
            "c": rng.choice(["a", "b", "c", "", None]),
            "flag": rng.choice([True, False]),
            "t": rng.choice([None, "", " ".join(rng.choices(["foo", "bär", "baz"], k=3))]),
            "u": str(rng.randrange(n)),
        }
        where = {"model": rng.choice(["", "m"]), "component": rng.choice(components), "arm": rng.choice(arms)}
        out.append(hand.row(rng.choice(hours), values, time=hand.START + i, **where))
        start = out[-1]["window"]
        out[-1]["values"]["time"] = start + rng.randrange(hand.HOUR)
    return out


def write(folder, rows, name="part", row_group_size=None, drop=()):
    names = [f.name for f in WHOLE if f.name != "late" and f.name not in drop]
    frame = pl.DataFrame(
        {
            "at": pl.Series([r["values"]["time"] for r in rows], dtype=pl.Int64).cast(
                pl.Datetime("us", "UTC")
            ),
            **{
                k: pl.Series([r[k] or None for r in rows], dtype=pl.String)
                for k in ("model", "component", "arm")
            },
            **{n: pl.Series([r["values"][n] for r in rows], dtype=TYPES[n]) for n in names},
        }
    )
    path = folder / f"{name}.parquet"
    frame.write_parquet(path, row_group_size=row_group_size)
    return part(path, {**KEYS, **{f"features.{n}": n for n in names}}, frame.height)


def part(path, columns, rows, kind="predictions"):
    size = path.stat().st_size
    source = LogFile(str(path), path.name, "parquet", kind, size, f"sha256:{path.name}")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Part(str(path), kind, columns, source.fingerprint, rows, now, now, source)


def by_hand(rows, spec):
    """The profile that plain Python counts, in the kernel's words and hashes."""
    segmented = []
    for columns, pinned in spec.segments:
        name = columns[0].removeprefix("features.")
        for r in rows:
            value = r["values"][name] if r["values"][name] in pinned[0] else "(other)"
            segmented.append({**r, "segment": f"{name}={value}"})
    plain = hand.profile(spec, [*rows, *segmented])
    texts = [i for i, f in enumerate(spec.fields) if f.type == "text"]
    word = pl.col("value").hash() % WORDS
    of_text = plain.values.filter(pl.col("field").is_in(texts)).with_columns(value=word.cast(pl.String))
    of_text = of_text.group_by("group", "field", "value").agg(pl.col("count").sum(), pl.col("cut").sum())
    values = pl.concat(
        [plain.values.filter(~pl.col("field").is_in(texts)), of_text.select(plain.values.columns)]
    )
    whole = plain.groups.filter(pl.col("segment") == "")["group"].to_list()
    ids = [i for i, f in enumerate(spec.fields) if f.type == "id"]
    groups = plain.groups.filter(pl.col("group").is_in(whole))
    sketches = [
        (g["group"], i, h, n)
        for i in ids
        for g in groups.iter_rows(named=True)
        for h, n in hashes(rows, g, spec.fields[i].name)
    ]
    return dataclasses.replace(
        plain,
        values=values.sort("group", "field", "value"),
        sketches=pl.DataFrame(sketches, schema=plain.sketches.schema, orient="row").sort(
            "group", "field", "hash"
        ),
        schema=plain.schema.filter(pl.col("group").is_in(whole)),
    )


def hashes(rows, group, name):
    texts = pl.Series(
        [
            r["values"][name]
            for r in rows
            if all(r[k] == group[k] for k in ("window", "model", "component", "arm"))
        ]
    )
    counts = texts.hash().value_counts(name="n")
    return sorted(counts.iter_rows())[:2_048]


def same(one, other, rounded=False):
    """All tables equal; with `rounded` the sums but for what is rounded once a file."""
    assert one.mantissa == other.mantissa
    for name in ("groups", "moments", "cells", "values", "sketches", "schema"):
        left, right = getattr(one, name), getattr(other, name)
        if rounded and name == "moments":
            for column, step in (("sum", 2.0**-8), ("sumsq", 2.0)):
                assert (left[column] - right[column]).abs().max() <= step
            left, right = left.drop("sum", "sumsq"), right.drop("sum", "sumsq")
        assert_frame_equal(left, right)


@pytest.mark.parametrize("spec", [SPEC, SEGMENTED], ids=["whole", "segments"])
@pytest.mark.parametrize("n", [1, 7, 400])
def test_the_kernel_counts_what_plain_python_counts(tmp_path, spec, n):
    rows = some_rows(n, n)

    same(profile_file(write(tmp_path, rows), spec), by_hand(rows, spec), rounded=True)


def test_one_group_is_counted_like_many(tmp_path):
    rows = some_rows(3, 300, hours=(0,), arms=("",), components=("",))
    rows = [{**r, "model": ""} for r in rows]

    same(profile_file(write(tmp_path, rows), SPEC), by_hand(rows, SPEC), rounded=True)


def test_a_reference_has_all_its_rows_in_window_0(tmp_path):
    rows = some_rows(4, 50)

    whole = profile_file(write(tmp_path, rows), SPEC, whole=True)

    assert whole.groups["window"].unique().to_list() == [0]
    assert whole.moments.filter(pl.col("field") == 0)["n"].sum() == 50


def test_pieces_do_not_show(tmp_path, monkeypatch):
    rows = some_rows(5, 400)
    one = profile_file(write(tmp_path, rows), SEGMENTED)
    monkeypatch.setattr("mlops_cli.profile.pieces.ROWS", 100)
    cut = profile_file(write(tmp_path, rows, row_group_size=37), SEGMENTED)

    same(one, cut, rounded=True)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 120), min_size=1, max_size=4))
def test_profiles_of_parts_merge_to_the_profile_of_the_whole(tmp_path, seed, cuts):
    rows = some_rows(seed, 120)
    bounds = [0, *sorted(cuts), 120]
    slices = [rows[a:b] for a, b in itertools.pairwise(bounds) if b > a]
    parts = [profile_file(write(tmp_path, s, f"{seed}-{i}"), SEGMENTED) for i, s in enumerate(slices)]

    merged = merge(parts)

    same(merged, profile_file(write(tmp_path, rows, f"{seed}"), SEGMENTED), rounded=True)
    same(merged, merge(parts[::-1]))
    if len(parts) > 2:
        same(merged, merge([merge(parts[:2]), *parts[2:]]))


def test_a_column_that_the_file_lacks_is_absent_and_a_new_one_is_named(tmp_path):
    rows = some_rows(6, 30)
    made = write(tmp_path, rows, drop=("whole",))
    pl.read_parquet(made.path).with_columns(extra=pl.lit(1)).write_parquet(made.path)
    made = dataclasses.replace(made, columns={**made.columns, "features.extra": "extra"})

    schema = profile_file(made, SPEC).schema

    absent = schema.filter(pl.col("dtype") == "absent")
    assert set(absent["field"]) == {3, 8}
    new = schema.filter(pl.col("field") == 65_535)
    assert new["name"].unique().to_list() == ["extra"]
    assert new["rows"].sum() == 30


def test_text_where_numbers_are_expected_counts_what_parses(tmp_path):
    path = tmp_path / "texts.parquet"
    frame = pl.DataFrame({"at": [datetime(2026, 1, 1, tzinfo=UTC)] * 4, "x": ["1.5", " 2 ", "abc", None]})
    frame.write_parquet(path)
    made = part(path, {"timestamp": "at", "features.x": "x"}, 4)
    spec = ProfileSpec(WindowSpec(3_600), (ROWS, WHOLE[0]))

    profile = profile_file(made, spec)

    row = profile.moments.filter(pl.col("field") == 1).row(0, named=True)
    assert (row["n"], row["nulls"], row["sum"]) == (4, 2, 3.5)
    line = profile.schema.row(0, named=True)
    assert (line["dtype"], line["rows"], line["parsed"]) == ("text", 4, 3)


def test_rows_without_a_time_are_counted_apart(tmp_path):
    path = tmp_path / "times.parquet"
    times = [datetime(2026, 1, 1, tzinfo=UTC), None, None]
    pl.DataFrame({"at": times, "x": [1.0, 2.0, 3.0]}).write_parquet(path)
    made = part(path, {"timestamp": "at", "features.x": "x"}, 3)

    profile = profile_file(made, ProfileSpec(WindowSpec(3_600), (ROWS, WHOLE[0])))
    rows = profile.moments.filter(pl.col("field") == 0).sort("n")

    assert rows.select("n", "nulls").rows() == [(1, 0), (2, 2)]
    assert rows["min"].null_count() == 1


def test_values_beyond_the_cap_are_one_row_with_their_exact_count(tmp_path):
    path = tmp_path / "many.parquet"
    values = [f"v{i:03d}" for i in range(50) for _ in range(50 - i)]
    pl.DataFrame({"at": [datetime(2026, 1, 1, tzinfo=UTC)] * len(values), "c": values}).write_parquet(path)
    made = part(path, {"timestamp": "at", "features.c": "c"}, len(values))
    spec = ProfileSpec(WindowSpec(3_600), (ROWS, WHOLE[3]), values_cap=10, segment_values_cap=5)

    kept = profile_file(made, spec).values

    assert kept["count"].sum() == len(values)
    assert kept.filter(pl.col("value").is_null()).row(0)[3:] == (sum(range(1, 41)), 40)
    assert kept.height == 11


def test_more_cells_than_the_cap_are_coarsened(tmp_path):
    path = tmp_path / "cells.parquet"
    rng = np.random.default_rng(1)
    pl.DataFrame(
        {"at": [datetime(2026, 1, 1, tzinfo=UTC)] * 5_000, "x": rng.normal(size=5_000)}
    ).write_parquet(path)
    made = part(path, {"timestamp": "at", "features.x": "x"}, 5_000)
    spec = ProfileSpec(WindowSpec(3_600), (ROWS, WHOLE[0]), cells_cap=100)
    profile = profile_file(made, spec)

    assert profile.mantissa[1] < 7
    assert profile.cells["cell"].n_unique() <= 100
    assert profile.cells["count"].sum() == 5_000
    assert merge([profile, profile]).mantissa == profile.mantissa


def test_the_engine_gives_the_same_whatever_the_order_and_the_cache(tmp_path):
    parts = [write(tmp_path, some_rows(i, 60 + i), f"p{i}") for i in range(5)]
    cache = Cache(tmp_path / "cache")
    run = ENGINES["local"]
    told = []
    first = run(parts, SPEC, cache, lambda done, total: told.append((done, total)))

    same(first, run(parts[::-1], SPEC, Cache(None), None))
    same(first, run(parts, SPEC, cache, None))
    same(first, merge([profile_file(p, SPEC) for p in parts]))
    assert told[-1][0] == told[-1][1] > 0


def test_no_parts_are_an_empty_profile():
    assert ENGINES["local"]([], SPEC, Cache(None), None).groups.is_empty()


def test_a_view_of_windows_and_their_pool(tmp_path):
    rows = some_rows(9, 200)
    profile = profile_file(write(tmp_path, rows), SPEC)
    starts = sorted({r["window"] for r in rows})
    two = select(profile, windows=starts[:2])
    pooled = pool(two)

    same(two, profile_file(write(tmp_path, [r for r in rows if r["window"] in starts[:2]], "two"), SPEC))
    assert pooled.groups["window"].unique().to_list() == [0]
    assert pooled.cells["count"].sum() == two.cells["count"].sum()


def test_gauges_are_counted_by_their_name(tmp_path):
    path = tmp_path / "gauges.parquet"
    at = datetime(2026, 1, 1, tzinfo=UTC)
    pl.DataFrame(
        {"at": [at] * 4, "metric": ["cpu", "load", "cpu", None], "value": [0.5, 2.0, None, 9.0]}
    ).write_parquet(path)
    made = part(path, {"timestamp": "at", "metric": "metric", "value": "value"}, 4, kind="gauges")
    fields = (
        FieldSpec("gauges", "", "", "rows", "rows"),
        FieldSpec("gauges", "cpu", "value", "number", "gauge"),
        FieldSpec("gauges", "load", "value", "number", "gauge"),
    )
    moments = profile_file(made, ProfileSpec(WindowSpec(3_600), fields)).moments

    assert moments.select("field", "n", "nulls", "sum").rows() == [
        (0, 4, 0, 0.0),
        (1, 2, 1, 0.5),
        (2, 1, 0, 2.0),
    ]
