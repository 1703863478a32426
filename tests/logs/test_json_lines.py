"""Every line of a JSON log is a row, a named bad line, or empty; the quick way reads what the exact one reads."""

import gzip
import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from mlops_cli.logs import json_lines, stream
from mlops_cli.logs.json_lines import Sifted, bulk, frames
from mlops_cli.logs.write import write

ZONED = pl.Datetime("us", "UTC")


def sifted(folder: Path, data: bytes, name: str = "log.jsonl") -> Sifted:
    path = folder / name
    path.write_bytes(data)
    return Sifted(str(path), name, str(folder / "scratch"))


def rows(one: Sifted) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=one.schema()), *frames(one)])


def read(folder: Path, *lines: str) -> pl.DataFrame:
    return rows(sifted(folder, "\n".join(lines).encode()))


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from(["", "a", "ü", "2026-01-03T10:00:00Z", "2026-01-03T10:00:00", "12", 'say "so"', "x,y"]),
)
RECORDS = st.dictionaries(
    st.sampled_from(["a", "b", "time", "with space", "ключ"]),
    st.one_of(
        SCALARS,
        st.dictionaries(st.sampled_from(["x", "y"]), SCALARS, max_size=2),
        st.lists(SCALARS, max_size=2),
    ),
    max_size=4,
)
GOOD = RECORDS.map(lambda r: json.dumps(r, ensure_ascii=False).encode())
BAD = st.sampled_from(
    [b'{"a": ', b"[1]", b"5", b'"text"', b"null", b"{}x", b'{"a": "\xff"}', b"\x00\x00", b'{"a": 1}{"a": 2}']
)
EMPTY = st.sampled_from([b"", b"  ", b"\r"])


@hypothesis_settings(max_examples=120, deadline=None)
@given(
    lines=st.lists(st.one_of(GOOD, GOOD, BAD, EMPTY), max_size=20),
    last=st.booleans(),
    size=st.sampled_from([32, 1 << 20]),
)
def test_rows_bad_lines_and_empty_ones_are_all_lines_of_any_mixture(lines, last, size):
    data = b"\n".join(lines) + (b"\n" if last else b"")
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "BLOCK", size)
        patch.setattr(json_lines, "in_lines", lambda *_: None)
        one = sifted(Path(folder), data)
        found = rows(one)
        clean = Path(one.sieve.clean).read_bytes()

    total = data.count(b"\n") + (bool(data) and not data.endswith(b"\n"))
    good = [line for line in lines if line.startswith(b"{") and parsed(line) is not None]
    assert total == one.sieve.rows + one.sieve.quarantined + one.sieve.empty
    assert len(good) == one.sieve.rows == found.height
    # Each bad line lies where it is said to lie, and the clean file holds the good ones in order.
    for bad in one.sieve.bad:
        assert data[bad.byte :].split(b"\n", 1)[0].rstrip(b"\r") == data.split(b"\n")[bad.line - 1].rstrip(
            b"\r"
        )
    assert good == [line for line in clean.split(b"\n") if line.strip()]


def parsed(line: bytes) -> dict | None:
    try:
        value = json.loads(line.decode())
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


@hypothesis_settings(max_examples=60, deadline=None)
@given(records=st.lists(RECORDS, min_size=1, max_size=12))
def test_every_value_is_read_as_it_was_written(records):
    with TemporaryDirectory() as folder:
        found = rows(sifted(Path(folder), b"\n".join(json.dumps(r).encode() for r in records)))

    for row, record in zip(found.iter_rows(named=True), records, strict=True):
        for key, value in record.items():
            if isinstance(value, str | bool | int | float) and key in row:
                assert same(row[key], value), (key, value, row[key])


def same(found, value) -> bool:
    if isinstance(found, str):
        return found == (value if isinstance(value, str) else json.dumps(value)) or float(found) == float(
            value
        )
    if hasattr(found, "isoformat"):
        return found.isoformat().replace("+00:00", "Z") == value
    return found == value


@hypothesis_settings(max_examples=40, deadline=None)
@given(records=st.lists(RECORDS, min_size=1, max_size=12))
def test_the_quick_way_reads_what_the_exact_way_reads(records):
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "SMALL", 0)
        folder = Path(name)
        one = sifted(folder, b"\n".join(json.dumps(r).encode() for r in records))
        worked = bulk(one, str(folder / "quick.parquet"))
        if worked:
            write(frames(one), str(folder / "exact.parquet"), pl.Schema(one.schema()))
            quick, exact = (pl.read_parquet(folder / f"{n}.parquet") for n in ("quick", "exact"))
            texts = [n for n, dtype in exact.schema.items() if dtype == pl.String]
            # A number among texts may be written 1e+16 or 1e16.
            numbers = [pl.col(n).cast(pl.Float64(), strict=False).fill_null(0.0) for n in texts]

            assert_frame_equal(exact.drop(texts), quick.drop(texts))
            assert_frame_equal(exact.select(numbers), quick.select(numbers))

    assert worked or not any(records)


def test_damaged_lines_are_left_out_of_the_quick_way_too(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "SMALL", 0)
    one = sifted(tmp_path, b'{"a": 1}\n{"a": \n\n{"a": NaN}\n{"a": 3}')

    assert bulk(one, str(tmp_path / "quick.parquet"))
    quick = pl.read_parquet(tmp_path / "quick.parquet")["a"].to_list()
    assert [quick[0], quick[2]] == [1.0, 3.0]
    assert math.isnan(quick[1])


def test_keys_that_differ_in_case_only_are_two_columns(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "SMALL", 0)
    one = sifted(tmp_path, b'{"a": 1, "A": 2}\n')

    assert not bulk(one, str(tmp_path / "quick.parquet"))
    assert rows(one).to_dicts() == [{"a": 1, "A": 2}]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["1", "null"], pl.Int64()),
        (["1", "2.5"], pl.Float64()),
        (["true", "false"], pl.Boolean()),
        (['"2026-01-03T10:00:00Z"', '"2026-01-03T12:00:00+02:00"'], ZONED),
        (['"2026-01-03T10:00:00.5"'], pl.Datetime("us")),
        (['"2026-01-03T10:00:00Z"', '"2026-01-03T10:00:00"'], pl.String()),
        (['"2026-01-03T10:00:00Z"', '""'], pl.String()),
        (["17111611123432108181"], pl.String()),
        (["1", '"12ms"'], pl.String()),
        (["[1, 2]"], pl.String()),
        (["null"], pl.String()),
    ],
)
def test_a_column_has_the_type_that_all_of_its_values_have(tmp_path, values, dtype):
    frame = read(tmp_path, *(f'{{"x": {v}}}' for v in values))

    assert dtype == frame.schema["x"]


def test_large_ids_keep_all_their_digits(tmp_path):
    assert read(tmp_path, '{"id": 17111611123432108181}', '{"id": 7}')["id"].to_list() == [
        "17111611123432108181",
        "7",
    ]


def test_a_key_that_comes_late_is_a_column(tmp_path):
    lines = [f'{{"a": {i}}}' for i in range(5_000)]
    lines[4_321] = '{"a": 1, "error": "late"}'

    assert {i: v for i, v in enumerate(read(tmp_path, *lines)["error"]) if v} == {4_321: "late"}


def test_nested_objects_are_columns_with_dots_and_lists_are_json(tmp_path):
    frame = read(tmp_path, '{"m": {"name": "x", "v": {"n": 1}}, "l": [1, {"b": null}]}', '{"m": null}')

    assert frame.row(0, named=True) == {"m.name": "x", "m.v.n": 1, "l": '[1,{"b":null}]'}
    assert frame.row(1, named=True) == {"m.name": None, "m.v.n": None, "l": None}


def test_an_object_of_thousands_of_keys_is_one_column(tmp_path, monkeypatch):
    monkeypatch.setattr("mlops_cli.logs.shape.MOST_KEYS", 50)
    lines = [json.dumps({"a": i, "scores": {f"user-{i}-{k}": k for k in range(10)}}) for i in range(20)]
    frame = read(tmp_path, *lines)

    assert frame.columns == ["a", "scores"]
    assert json.loads(lines[7])["scores"] == json.loads(frame["scores"][7])


def test_a_bad_line_is_named_with_place_and_reason(tmp_path):
    one = sifted(tmp_path, b'{"a": 1}\n{"a": \xff}\n[1, 2]\n')

    assert [(b.line, b.byte, b.length) for b in one.sieve.bad] == [(2, 9, 8), (3, 18, 6)]
    assert [b.source for b in one.sieve.bad] == ["log.jsonl"] * 2
    assert one.sieve.bad[1].reason == "JSON, but no object: an array"


def test_a_line_of_100_mb_is_one_bad_line_and_the_rest_is_read(tmp_path):
    long = b'{"a": "' + b"x" * 100_000_000 + b'"}'
    one = sifted(tmp_path, b'{"a": "1"}\n' + long + b'\n{"a": "2"}\n')

    assert rows(one)["a"].to_list() == ["1", "2"]
    assert [(2, 11, len(long))] == [(b.line, b.byte, b.length) for b in one.sieve.bad]
    assert "100 MB" in one.sieve.bad[0].reason


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_of_a_truncated_gzip_all_whole_lines_are_read_and_the_end_is_named(tmp_path, cut):
    lines = b"".join(b'{"a": %d, "b": "%d"}\n' % (i, i * 7919 % 10007) for i in range(20_000))
    packed = gzip.compress(lines)
    one = sifted(tmp_path, packed[: int(len(packed) * cut)])

    assert 1_000 < one.sieve.rows < 20_000
    assert list(range(one.sieve.rows)) == rows(one)["a"].to_list()
    assert one.sieve.quarantined == 1
    assert one.sieve.rows + 1 == one.sieve.bad[0].line
    assert "gzip stream is cut off" in one.sieve.bad[0].reason


def test_gzip_members_one_after_another_and_zstd_are_read_whole(tmp_path):
    data = b'{"a": 1}\n{"a": 2}\n'
    two = sifted(tmp_path, gzip.compress(data) + gzip.compress(data))
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as out:
        out.write(data * 1_000)

    assert rows(two)["a"].to_list() == [1, 2, 1, 2]
    assert sifted(tmp_path, packed.getvalue().to_pybytes()).sieve.rows == 2_000


def test_a_damaged_zstd_is_read_up_to_the_damage(tmp_path):
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as out:
        out.write(b"".join(b'{"a": %d, "b": "%d"}\n' % (i, i * 7919 % 10007) for i in range(100_000)))
    whole = packed.getvalue().to_pybytes()
    one = sifted(tmp_path, whole[: len(whole) // 2])

    assert 0 < one.sieve.rows < 100_000
    assert "zstd stream" in one.sieve.bad[-1].reason


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1}, {"a": 2, "b": {"c": "]"}}]',
        '[\n {\n  "a": 1\n },\n {"a": 2,\n "b": {"c": "]"}}\n]\n',
        '{\n "a": 1\n}\n{\n "a": 2, "b": {"c": "]"}\n}',
        '[{"a": 1}]\n[{"a": 2, "b": {"c": "]"}}]\n',
    ],
)
def test_arrays_and_objects_over_several_lines_are_records_too(tmp_path, text):
    assert read(tmp_path, text).to_dicts() == [{"a": 1, "b.c": None}, {"a": 2, "b.c": "]"}]


def test_a_broken_element_of_an_array_is_named_and_the_rest_is_read(tmp_path):
    one = sifted(tmp_path, b'[\n{"a": 1},\n{"a": oops},\n{"a": 3},\n7\n]')

    assert rows(one)["a"].to_list() == [1, 3]
    assert [b.line for b in one.sieve.bad] == [3, 5]


def test_a_byte_order_mark_and_windows_line_ends_are_no_data(tmp_path):
    one = sifted(tmp_path, b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}\r\nx\r\n')

    assert rows(one)["a"].to_list() == [1, 2]
    assert (one.sieve.empty, one.sieve.quarantined) == (1, 1)
    assert (one.sieve.bad[0].line, one.sieve.bad[0].byte, one.sieve.bad[0].length) == (4, 25, 1)


def test_a_lone_surrogate_is_a_bad_line(tmp_path):
    one = sifted(tmp_path, b'{"a": "\\ud800"}\n{"a": "ok"}')

    assert rows(one)["a"].to_list() == ["ok"]
    assert [b.line for b in one.sieve.bad] == [1]


def test_the_first_hundred_bad_lines_are_named_and_all_are_counted(tmp_path):
    one = sifted(tmp_path, b'{"a": 1}\n' + b"oops\n" * 5_000)

    assert (one.sieve.quarantined, len(one.sieve.bad)) == (5_000, 100)
