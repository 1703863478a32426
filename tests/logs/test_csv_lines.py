"""Every line of a CSV is a row, part of one, a named bad line, or empty; types are those of all values."""

import csv
import gzip
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mlops_cli.logs import stream
from mlops_cli.logs.csv_lines import Checked, dialect_of
from mlops_cli.logs.csv_lines import read as read_columns
from mlops_cli.logs.formats.csv import FORMAT


def checked(folder: Path, data: bytes) -> Checked:
    path = folder / "log.csv"
    path.write_bytes(data)
    dialect = dialect_of(data[:65_536])
    assert dialect is not None
    return Checked(str(path), "log.csv", str(folder / "scratch"), dialect)


def table(one: Checked) -> pl.DataFrame:
    return read_columns(one, lambda rows: rows.collect())


def read(folder: Path, text: str) -> pl.DataFrame:
    one = checked(folder, text.encode())
    return table(one)


CELL = st.one_of(
    st.sampled_from(["", "1", "-2.5", "a b", "ü", 'say "so"', "x,y", "007", "null"]), st.just("two\nlines")
)
ROW = st.lists(CELL, min_size=3, max_size=3)
SHORT = st.lists(CELL.filter(lambda c: "\n" not in c), min_size=1, max_size=5).filter(
    lambda r: len(r) not in (1, 3)
)


def line(row: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(row)
    return out.getvalue().encode()


@hypothesis_settings(max_examples=120, deadline=None)
@given(
    items=st.lists(
        st.one_of(
            ROW.map(lambda r: ("good", r)),
            ROW.map(lambda r: ("good", r)),
            SHORT.map(lambda r: ("bad", line(r))),
            st.sampled_from(
                [("bad", b"\xe9,1,2\n"), ("bad", b'5" pipe,1,2\n'), ("bad", b'"a"b,1,2\n'), ("empty", b"\n")]
            ),
        ),
        max_size=15,
    ),
    size=st.sampled_from([16, 1 << 20]),
)
def test_good_rows_are_read_and_every_other_line_is_named_in_any_mixture(items, size):
    header = b"a,b,c\n"
    data = header + b"".join(line(value) if what == "good" else value for what, value in items)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "BLOCK", size)
        path = Path(folder) / "log.csv"
        path.write_bytes(data)
        one = Checked(str(path), "log.csv", f"{folder}/scratch", dialect_of(header))
        found = pl.scan_csv(one.sieve.clean, infer_schema=False, glob=False).collect()

    good = [value for what, value in items if what == "good"]
    assert good == [[cell or "" for cell in row] for row in found.rows()]
    assert len(good) == one.sieve.rows
    assert sum(what == "bad" for what, _ in items) == one.sieve.quarantined == len(one.sieve.bad)
    lines = data.count(b"\n") - 1
    assert lines == one.sieve.rows + one.sieve.quarantined + one.sieve.empty + one.continued
    for bad in one.sieve.bad:
        assert data[: bad.byte].count(b"\n") + 1 == bad.line


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        (["1", "", "-3"], pl.Int64()),
        (["1", "NA", "3"], pl.Int64()),
        (["1", "2.5"], pl.Float64()),
        (["1e3", "nan", "inf"], pl.Float64()),
        (["True", "false"], pl.Boolean()),
        (["007", "12"], pl.String()),
        (["NA", "NA"], pl.String()),
        (["1", "x"], pl.String()),
        (["2026-01-03T10:00:00Z", "2026-01-03T12:00:00+02:00"], pl.Datetime("us", "UTC")),
        (["2026-01-03 10:00:00", "2026-01-04 11:00:00.5"], pl.Datetime("us")),
        (["2026-01-03T10:00:00"], pl.Datetime("us")),
        (["2026-01-03", "2026-01-04"], pl.Datetime("us")),
        (["2026-01-03 10:00:00", "2026-01-03"], pl.String()),
        (["5"] * 300 + ["NA", "7"], pl.Int64()),
        (["5"] * 300 + ["NA", "7.5"], pl.Float64()),
        (["5"] * 300 + ["007"], pl.String()),
        (["99999999999999999999"], pl.String()),
        (["5"] * 300 + ["99999999999999999999"], pl.String()),
        (["2026-01-03T10:00:00Z", "2026-01-03T10:00:00"], pl.String()),
    ],
)
def test_a_column_has_the_type_that_all_of_its_values_have(tmp_path, cells, dtype):
    assert dtype == read(tmp_path, "x,y\n" + "".join(f"{c},k\n" for c in cells)).schema["x"]


def test_one_late_value_of_another_type_makes_the_column_text(tmp_path):
    rows = ["5"] * 3_000 + ["5ms"]
    frame = read(tmp_path, "x,y\n" + "".join(f"{c},k\n" for c in rows))

    assert rows == frame["x"].to_list()


def test_a_whole_number_column_with_a_late_fraction_is_of_floats(tmp_path):
    frame = read(tmp_path, "x,y\n" + "1,k\n" * 3_000 + "1.5,k\n")

    assert (pl.Float64(), 3_001.5) == (frame.schema["x"], frame["x"].sum())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    text = "a,b\n1,2\n3,4\n".replace(",", delimiter)

    assert read(tmp_path, text).rows() == [(1, 2), (3, 4)]


def test_a_file_without_a_header_has_numbered_columns(tmp_path):
    assert read(tmp_path, "1,x\n3,y\n").to_dict(as_series=False) == {
        "column_1": [1, 3],
        "column_2": ["x", "y"],
    }


def test_the_reasons_say_what_is_wrong(tmp_path):
    data = b'a,b\n1\n1,2,3\n"x,2\n5" pipe,1\n\xe9,1\n7,8\n'
    one = checked(tmp_path, data)

    assert [b.line for b in one.sieve.bad] == [2, 3, 4, 5, 6]
    assert [b.reason for b in one.sieve.bad] == [
        "1 fields, the header has 2",
        "3 fields, the header has 2",
        "a quote within a field: the whole field must be quoted, and quotes in it doubled",
        "a quote that is never closed",
        "not UTF-8: byte 0xe9",
    ]
    assert one.sieve.rows == 1


def test_empty_lines_are_no_rows_of_nulls(tmp_path):
    one = checked(tmp_path, b"a,b\r\n1,2\r\n\r\n3,4\r\n")

    assert table(one).rows() == [(1, 2), (3, 4)]
    assert one.sieve.empty == 1


def test_a_gzip_cut_off_is_read_to_its_last_whole_line(tmp_path):
    packed = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * 7919 % 10007) for i in range(20_000)))
    one = cut(tmp_path, packed)

    assert list(range(one.sieve.rows)) == table(one)["a"].to_list()
    assert "cut off" in one.sieve.bad[-1].reason


def cut(folder: Path, packed: bytes) -> Checked:
    path = folder / "log.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    return Checked(str(path), "log.csv.gz", str(folder / "scratch"), dialect_of(b"a,b\n0,0\n1,7919\n"))


@pytest.mark.parametrize(
    "text",
    [
        "# A title, with a comma\n\nSome text, too.\n",
        "Dear reader,\nthis is a letter,\nwith commas, many.\n",
        "import os, sys\n\nprint(os, sys)\n",
        '127.0.0.1 - - [23/Nov/2026:13:21:33 +0000] "GET / HTTP/1.1" 200 12\n' * 3,
    ],
)
def test_other_texts_are_not_claimed(text):
    assert FORMAT.detect(text.encode(), "notes.txt") == 0.0


def test_a_first_column_without_a_name_holds_row_numbers(tmp_path):
    assert read(tmp_path, ",a\n0,x\n1,y\n").columns == ["__index_level_0__", "a"]
