"""Canonical columns out of columns of any name, nesting and type."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from mlops_cli.errors import DataError, UsageError
from mlops_cli.logs.canon import KINDS, TIME
from mlops_cli.logs.expressions import available, expression
from mlops_cli.logs.format import LogFile, Part


def part(
    folder: Path, frame: pl.DataFrame, columns: dict[str, str], kind: str = "predictions", zone: str = "UTC"
) -> Part:
    path = folder / "part.parquet"
    frame.write_parquet(path)
    source = LogFile(str(path), "logs/part.parquet", "parquet", kind, 0, "print", timezone=zone)
    return Part(str(path), kind, columns, "print", frame.height, None, None, source)


def value(
    folder: Path, name: str, values: list | pl.Series, kind: str = "predictions", zone: str = "UTC"
) -> pl.Series:
    """The canonical column `name` of a file whose column `x` has these values."""
    one = part(folder, pl.DataFrame({"x": values}), {name: "x"}, kind, zone)
    return pl.scan_parquet(one.path).select(expression(one, name)).collect().to_series()


def times(folder: Path, values: list | pl.Series, zone: str = "UTC") -> list[datetime | None]:
    found = value(folder, "timestamp", values, zone=zone)
    assert found.dtype == TIME
    return found.to_list()


NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-01T12:00:00Z",
        "2026-07-01 12:00:00+00:00",
        "2026-07-01T14:00:00+0200",
        "2026-07-01T14:00:00.000000000+02:00",
        "2026-07-01T07:30:00,000-04:30",
        "2026-07-01 12:00:00 UTC",
        "2026/07/01 12:00Z",
        "01/Jul/2026:14:00:00 +0200",
        "1782907200",
        "1782907200.0",
        "1782907200000",
    ],
)
def test_texts_of_every_usual_form_are_the_same_time(tmp_path, text):
    assert times(tmp_path, [text]) == [NOON]


@pytest.mark.parametrize(
    "number", [1782907200, 1782907200_000, 1782907200_000_000, 1782907200_000_000_000, 1782907200.0]
)
def test_the_unit_of_a_number_since_1970_follows_from_its_size(tmp_path, number):
    assert times(tmp_path, [number]) == [NOON]


def test_a_fraction_of_a_second_is_kept_to_the_microsecond(tmp_path):
    expected = [datetime(2026, 11, 23, 13, 38, 10, 521_000, tzinfo=UTC)]

    assert expected == times(tmp_path, [1795441090.521]) == times(tmp_path, ["2026-11-23T13:38:10.521"])


@pytest.mark.parametrize(
    "wall",
    [
        "2026-07-01T14:00:00",
        datetime(2026, 7, 1, 14),
        pl.Series([datetime(2026, 7, 1, 14)], dtype=pl.Datetime("ms")),
    ],
)
def test_a_time_without_a_zone_is_in_the_projects(tmp_path, wall):
    assert times(tmp_path, wall if isinstance(wall, pl.Series) else [wall], "Europe/Berlin") == [NOON]


def test_an_hour_that_comes_twice_is_its_first_and_one_that_is_skipped_is_none(tmp_path):
    walls = [datetime(2026, 10, 25, 2, 30), datetime(2026, 3, 29, 2, 30)]

    assert times(tmp_path, walls, "Europe/Berlin") == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), None]


def test_what_is_no_time_is_null(tmp_path):
    assert times(tmp_path, ["yesterday", "2026-13-01T00:00:00Z", "", "12", None]) == [None] * 5


def test_ids_are_texts_whatever_they_were(tmp_path):
    assert value(tmp_path, "request_id", [7, None]).to_list() == ["7", None]
    assert value(tmp_path, "request_id", [7.0, None]).to_list() == ["7", None]
    assert value(tmp_path, "request_id", ["7", None]).to_list() == ["7", None]


def test_a_trace_id_in_decimal_hex_bytes_or_with_dashes_is_32_hex_digits(tmp_path):
    hexed = "6629c8a49b59660f3b34917a45299a07"
    texts = [
        str(int(hexed, 16)),
        hexed.upper(),
        f"{hexed[:8]}-{hexed[8:12]}-{hexed[12:16]}-{hexed[16:20]}-{hexed[20:]}",
        None,
    ]

    assert value(tmp_path, "trace_id", texts).to_list() == [hexed, hexed, hexed, None]
    assert value(tmp_path, "trace_id", [bytes.fromhex(hexed)]).to_list() == [hexed]


def test_numbers_written_as_text_are_numbers_and_others_null(tmp_path):
    assert value(tmp_path, "latency_ms", ["12.5", " 7 ", "12ms", None]).to_list() == [12.5, 7.0, None, None]
    assert value(tmp_path, "status", ["200", "OK", "error", "?"]).to_list() == [200, 200, 500, None]
    assert value(tmp_path, "row", [0.0, 3.0]).to_list() == [0, 3]


def test_a_duration_is_milliseconds(tmp_path):
    assert value(tmp_path, "latency_ms", pl.Series([1_500], dtype=pl.Duration("us"))).to_list() == [1.5]


def test_words_for_true_and_false_are_read(tmp_path):
    found = value(tmp_path, "human_saw_model", ["Yes", "false", "1", "?"], "decisions")

    assert found.to_list() == [True, False, True, None]


def test_outputs_and_features_stay_as_logged(tmp_path):
    frame = pl.DataFrame(
        {"late": [True], "n": [3], "d": pl.Series(["1.50"]).cast(pl.Decimal(10, 2)), "l": [[1, 2]]}
    )
    one = part(
        tmp_path, frame, {"prediction": "late", "features.n": "n", "features.d": "d", "features.l": "l"}
    )
    found = pl.scan_parquet(one.path).select(expression(one, n) for n in one.columns).collect()

    assert found.row(0) == (True, 3, 1.5, "[1,2]")


@pytest.mark.parametrize("kind", KINDS)
def test_every_canonical_column_has_its_dtype_even_of_nulls_alone(tmp_path, kind):
    for name, column in KINDS[kind].items():
        found = value(tmp_path, name, pl.Series([None], dtype=pl.String), kind)
        if name not in ("prediction", "label", "decision"):
            assert column.dtype == found.dtype, name


def test_nested_columns_lists_and_json_texts_are_reached_by_a_path(tmp_path):
    frame = pl.DataFrame(
        {"m": [{"name": "a", "v": {"n": 1}}], "out": [[{"p": 0.25}, {"p": 0.75}]], "j": ['{"a": {"b": "x"}}']}
    )
    columns = {"model": "m.name", "features.n": "m.v.n", "score": "out[1].p", "features.b": "j.a.b"}
    one = part(tmp_path, frame, columns)

    assert available(one) == set(columns)
    assert pl.scan_parquet(one.path).select(expression(one, n) for n in columns).collect().row(0) == (
        "a",
        1,
        0.75,
        "x",
    )


def test_a_column_with_a_dot_in_its_name_is_itself(tmp_path):
    one = part(tmp_path, pl.DataFrame({"m.name": ["flat"], "m": [{"name": "nested"}]}), {"model": "m.name"})

    assert pl.scan_parquet(one.path).select(expression(one, "model")).collect().item() == "flat"


def test_sql_over_the_columns_is_a_column(tmp_path):
    frame = pl.DataFrame({"request_time": [0.25], "with space": [2]})
    one = part(
        tmp_path, frame, {"latency_ms": "= request_time * 1000", "features.twice": '="with space" * 2'}
    )

    assert pl.scan_parquet(one.path).select(expression(one, n) for n in one.columns).collect().row(0) == (
        250.0,
        4,
    )


def test_what_the_file_lacks_is_not_available(tmp_path):
    one = part(tmp_path, pl.DataFrame({"a": [1]}), {"score": "b", "latency_ms": "= b * 2", "features.a": "a"})

    assert available(one) == {"features.a"}
    with pytest.raises(UsageError, match="no column for 'score'"):
        expression(one, "score")


@pytest.mark.parametrize(
    "sql", ["= (SELECT count(*) FROM read_csv('/etc/passwd'))", "= a + (select 1)", "= x FROM y"]
)
def test_an_expression_that_selects_is_refused(tmp_path, sql):
    with pytest.raises(UsageError, match="SELECT"):
        available(part(tmp_path, pl.DataFrame({"a": [1]}), {"score": sql}))


def test_an_expression_that_cannot_be_read_says_which(tmp_path):
    with pytest.raises(UsageError, match="cannot be read") as caught:
        available(part(tmp_path, pl.DataFrame({"a": [1]}), {"score": "= a +* 2"}))

    assert "= a +* 2" in caught.value.where


def test_a_file_that_is_gone_or_cut_is_a_data_error(tmp_path):
    one = part(tmp_path, pl.DataFrame({"a": [1]}), {"score": "a"})
    Path(one.path).write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="no whole Parquet"):
        available(one)
    Path(one.path).unlink()
    with pytest.raises(DataError, match="cannot be read"):
        available(one)
