"""What is read of files as they are written: types, keys, times, and files that are no files."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_cli.errors import DataError
from mlops_cli.logs.format import LogFile, Part
from mlops_cli.profile import kernel
from mlops_cli.profile.kernel import profile_file
from mlops_cli.profile.pieces import bounds
from mlops_cli.profile.spec import FieldSpec, ProfileSpec, WindowSpec
from mlops_cli.stats.cells import cells_of

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = WindowSpec(3_600)


def part(path, columns=None, kind="predictions", model="", timezone="UTC"):
    schema = pl.read_parquet_schema(path)
    columns = columns or {"timestamp": "at", **{f"features.{n}": n for n in schema if n != "at"}}
    source = LogFile(
        str(path), path.name, "parquet", kind, path.stat().st_size, "x", model=model, timezone=timezone
    )
    return Part(str(path), kind, columns, "x", 0, None, None, source)


def spec(*fields, kind="predictions", window=HOUR, **more):
    rows = FieldSpec(kind, "", "", "rows", "rows")
    return ProfileSpec(
        window, (rows, *(FieldSpec(kind, n, c, t, r, **how) for n, c, t, r, how in fields)), **more
    )


def feature(name, type_, **how):
    return (name, f"features.{name}", type_, "feature", how)


def one(profile, field=1):
    return profile.moments.filter(pl.col("field") == field).drop("group", "field").row(0, named=True)


def named(profile, field=1):
    return dict(profile.values.filter(pl.col("field") == field).select("value", "count").iter_rows())


@pytest.fixture
def write(tmp_path):
    def written(columns, **how):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
        n = max(len(v) for v in columns.values())
        pl.DataFrame({"at": [AT] * n, **columns}).write_parquet(path, **how)
        return path

    return written


@pytest.mark.parametrize(
    ("values", "total", "nulls", "family"),
    [
        ([1, None, 3], 4.0, 1, "number"),
        (pl.Series([1.5, 2.5, None], dtype=pl.Float32), 4.0, 1, "number"),
        ([Decimal("1.25"), None, Decimal("2.50")], 3.75, 1, "number"),
        ([timedelta(seconds=2), timedelta(milliseconds=500), None], 2.5, 1, "number"),
        ([True, False, None], 1.0, 1, "bool"),
        (["1.5", " 2 ", "abc", None], 3.5, 2, "text"),
        ([AT, None], 0.0, 2, "time"),
        ([None, None], 0.0, 2, "number"),
    ],
)  # fmt: skip
def test_numbers_are_read_whatever_they_were_written_as(write, values, total, nulls, family):
    profile = profile_file(part(write({"x": values})), spec(feature("x", "number")))

    row = one(profile)
    assert (row["n"], row["sum"], row["nulls"], row["nans"]) == (len(values), total, nulls, 0)
    assert profile.schema["dtype"].to_list() == [family]


def test_what_cannot_be_read_as_the_expected_type_is_told(write):
    profile = profile_file(part(write({"x": ["1", "no", None, "2"]})), spec(feature("x", "number")))

    assert profile.schema.select("rows", "parsed").rows() == [(4, 3)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", "b", "a", None, ""], {"a": 2, "b": 1, "": 1}),
        ([1, 2, 1, None], {"1": 2, "2": 1}),
        ([1.0, 2.5, float("nan"), -0.0, 0.0, None], {"1": 1, "2.5": 1, "0": 2}),
        ([True, False, True, None], {"true": 2, "false": 1}),
        (pl.Series(["x", "y", None, "x"], dtype=pl.Categorical), {"x": 2, "y": 1}),
        ([date(2026, 1, 2), None], {"2026-01-02": 1}),
        ([[1, 2], None, [1, 2]], {"[1,2]": 2}),
        ([None, None], {}),
    ],
)
def test_categories_are_counted_by_their_text(write, values, expected):
    profile = profile_file(part(write({"c": values})), spec(feature("c", "category")))

    row = one(profile)
    assert named(profile) == expected
    assert row["nulls"] + row["nans"] + sum(expected.values()) == row["n"] == len(values)
    assert row["nans"] == (1 if "2.5" in expected else 0)
    assert row["empties"] == expected.get("", 0)


def test_dictionaries_of_arrow_and_dotted_names_are_columns_like_others(tmp_path):
    path = tmp_path / "arrow.parquet"
    texts = ["a", "b", None, "a"]
    table = pa.table(
        {
            "at": pa.array([AT] * 4),
            "features.plain": pa.array(texts),
            "coded": pa.array(texts).dictionary_encode(),
            "view": pa.array(texts, pa.string_view()),
            "deep": pa.array([{"in": t, "x": 1.0} for t in texts]),
        }
    )
    pq.write_table(table, path)
    columns = {"timestamp": "at", "features.plain": "features.plain", "features.coded": "coded"}
    columns |= {"features.view": "view", "features.in": "deep.in"}
    fields = [feature(n, "category") for n in ("plain", "coded", "view", "in")]

    profile = profile_file(part(path, columns), spec(*fields))

    assert [named(profile, i) for i in range(1, 5)] == [{"a": 2, "b": 1}] * 4


def test_an_expression_is_a_column(write):
    path = write({"a": [1.0, 2.0, None], "b": [10.0, 20.0, 30.0]})
    made = part(path, {"timestamp": "at", "features.sum": "= a + b"})

    assert one(profile_file(made, spec(feature("sum", "number"))))["sum"] == 33.0


def test_times_are_seconds_before_their_row(write):
    path = write({"born": [AT - timedelta(seconds=90), AT + timedelta(seconds=1), None]})

    row = one(profile_file(part(path), spec(feature("born", "age"))))

    assert (row["sum"], row["min"], row["max"], row["nulls"]) == (89.0, -1.0, 90.0, 1)


def test_times_without_a_zone_are_in_that_of_their_source(write):
    path = write({"born": [datetime(2026, 3, 1, 12)]})  # 11:00 UTC in Berlin

    row = one(profile_file(part(path, timezone="Europe/Berlin"), spec(feature("born", "age"))))

    assert row["sum"] == 3_600.0


def test_ids_are_counted_by_their_hash(write):
    path = write({"u": ["a", "b", "a", None, ""]})

    profile = profile_file(part(path), spec(feature("u", "id")))

    row = one(profile)
    assert (row["nulls"], row["empties"]) == (1, 1)
    assert sorted(profile.sketches["count"].to_list()) == [1, 1, 2]
    assert profile.sketches["hash"].to_list() == sorted(pl.Series(["a", "b", ""]).hash().to_list())


def test_of_many_ids_the_smallest_hashes_are_kept_with_their_counts(write):
    few, many = np.arange(30_000) // 3, np.arange(30_000) % 2_100
    path = write({"u": few.astype(str), "v": many.astype(str)})

    profile = profile_file(part(path), spec(feature("u", "id"), feature("v", "id")))

    for i, values in ((1, few), (2, many)):
        counts = pl.Series(values).cast(pl.String).hash().value_counts(name="n")
        expected = sorted(counts.rows())[:2_048]
        kept = profile.sketches.filter(pl.col("field") == i)
        assert kept.select("hash", "count").rows() == expected


def test_every_so_manyth_row_of_the_file_gives_its_words(write, monkeypatch):
    texts = [f"w{i}" for i in range(40)]
    path = write({"t": texts}, row_group_size=7)
    field = feature("t", "text", stride=4)
    whole = profile_file(part(path), spec(field)).values

    monkeypatch.setattr("mlops_cli.profile.pieces.ROWS", 5)
    cut = profile_file(part(path), spec(field)).values

    assert whole["count"].sum() == 10
    assert cut.equals(whole)


def test_the_arm_is_the_variant_or_else_the_version_and_the_model_that_of_the_source(write):
    path = write({"v": ["canary", None, None], "version": ["1", "2", None]})
    columns = {"timestamp": "at", "variant": "v", "model_version": "version"}

    groups = profile_file(part(path, columns, model="m"), spec()).groups

    assert groups.select("model", "arm").rows() == [("m", ""), ("m", "2"), ("m", "canary")]


def test_gauges_are_apart_by_host(write):
    path = write({"h": ["a", "b"], "m": ["load", "load"], "v": [1.0, 2.0]})
    columns = {"timestamp": "at", "host": "h", "metric": "m", "value": "v"}
    fields = spec(("load", "value", "number", "gauge", {}), kind="gauges")

    profile = profile_file(part(path, columns, "gauges"), fields)

    assert profile.groups["component"].to_list() == ["a", "b"]
    assert profile.moments.filter(pl.col("field") == 1)["sum"].to_list() == [1.0, 2.0]


def test_feedback_lies_in_the_windows_of_its_labels(write):
    path = write({"y": ["a", "b"]})
    columns = {"label_time": "at", "label": "y"}

    profile = profile_file(part(path, columns, "feedback"), spec(("label", "label", "category", "label", {}), kind="feedback"))  # fmt: skip

    assert profile.groups["window"].to_list() == [round(AT.timestamp()) * 1_000_000]
    assert named(profile) == {"a": 1, "b": 1}


def test_a_day_begins_in_the_timezone_of_the_project_also_when_clocks_change(tmp_path):
    path = tmp_path / "days.parquet"
    # 29 March 2026 has 23 hours in Berlin: it lasts from 23:00 UTC to 22:00 UTC.
    times = [datetime(2026, 3, 28, 22, 59), datetime(2026, 3, 28, 23), datetime(2026, 3, 29, 21, 59), datetime(2026, 3, 29, 22)]  # fmt: skip
    pl.DataFrame({"at": times}).with_columns(pl.col("at").dt.replace_time_zone("UTC")).write_parquet(path)

    profile = profile_file(part(path), spec(window=WindowSpec(86_400, "Europe/Berlin")))

    starts = [datetime.fromtimestamp(w / 1e6, UTC) for w in profile.groups["window"]]
    assert [s.hour for s in starts] == [23, 23, 22]
    assert profile.moments["n"].to_list() == [1, 2, 1]


def test_wrong_clocks_are_times_or_none(tmp_path):
    path = tmp_path / "clocks.parquet"
    moments = [0, 253_402_300_000_000_000 // 2, 2**62, -(2**62)]
    pl.DataFrame({"at": pl.Series(moments, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))}).write_parquet(
        path
    )

    profile = profile_file(part(path), spec(window=WindowSpec(86_400)))

    rows = profile.groups.join(profile.moments, on="group").select("window", "n", "nulls")
    assert rows["n"].sum() == 4
    assert rows["nulls"].sum() == 2
    assert rows.height == 2


def test_a_file_without_rows_has_no_groups(write):
    path = write({"x": [1.0]})
    pl.read_parquet(path).clear().write_parquet(path)

    profile = profile_file(part(path), spec(feature("x", "number")))

    assert profile.groups.is_empty()
    assert profile.moments.is_empty()


def test_huge_row_groups_are_read_column_by_column(write, monkeypatch):
    rng = np.random.default_rng(1)
    columns = {f"x{i}": rng.normal(size=300) for i in range(4)} | {"c": ["a", "b", "c"] * 100}
    fields = [feature(n, "category" if n == "c" else "number") for n in columns]
    path = write(columns)
    whole = profile_file(part(path), spec(*fields))

    monkeypatch.setattr(kernel, "VALUES", 500)
    cut = profile_file(part(path), spec(*fields))

    assert cut.cells.equals(whole.cells)
    assert cut.moments.equals(whole.moments)
    assert cut.values.equals(whole.values)


def test_segments_with_commas_in_their_values_can_still_be_told_apart(write):
    path = write({"c": ["a,b", "x=y", "other", None]})
    segments = ((("features.c",), (("a,b", "x=y"),)),)

    profile = profile_file(part(path), spec(feature("c", "category"), segments=segments))

    assert profile.groups["segment"].to_list() == ["", "c=(other)", "c=a%2Cb", "c=x%3Dy"]


def test_an_offset_brings_numbers_into_the_range_of_cells(write):
    values = np.array([2.0**-1_000, -(2.0**-950), 0.0])
    path = write({"x": values})

    profile = profile_file(part(path), spec(feature("x", "number", offset=940)))

    assert profile.cells["cell"].to_list() == sorted(cells_of(values, 7, 940).tolist())


def test_more_groups_than_a_table_has_room_for_are_sorted(write, monkeypatch):
    monkeypatch.setattr("mlops_cli.profile.groups.DENSE", 16)
    rng = np.random.default_rng(3)
    path = write({"c": rng.integers(0, 40, 500).astype(str), "x": rng.normal(size=500)})
    columns = {"timestamp": "at", "component": "c", "features.x": "x"}

    profile = profile_file(part(path, columns), spec(feature("x", "number")))

    frame = pl.read_parquet(path).with_columns(
        cell=pl.Series(cells_of(pl.read_parquet(path)["x"].to_numpy(), 7))
    )
    expected = frame.group_by("c", "cell").len().sort("c", "cell")
    got = (
        profile.cells.join(profile.groups, on="group")
        .select("component", "cell", "count")
        .sort("component", "cell")
    )
    assert got.rows() == expected.rows()


@pytest.mark.parametrize("damage", ["gone", "cut", "rows"])
def test_a_damaged_file_is_named(write, damage):
    path = write({"x": np.random.default_rng(1).normal(size=5_000)})
    made = part(path)
    profile_file(made, spec(feature("x", "number")))
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    else:  # the footer is whole, the pages are not
        path.write_bytes(data[:100] + bytes(range(256)) * 30 + data[100 + 256 * 30 :])

    with pytest.raises(DataError) as error:
        profile_file(made, spec(feature("x", "number")))

    assert path.name in f"{error.value.what} {error.value.where}"


def test_pieces_have_rows_enough():
    cuts = bounds([300_000, 300_000, 10, 499_990, 700_000, 5])

    assert [(p.first, p.last, p.start, p.rows) for p in cuts] == [
        (0, 2, 0, 600_000),
        (2, 4, 600_000, 500_000),
        (4, 5, 1_100_000, 700_000),
        (5, 6, 1_800_000, 5),
    ]
