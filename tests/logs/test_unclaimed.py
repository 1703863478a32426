"""Files that are no logs: each is told for what it is, with what to do, and none is read as something else."""

import re
from pathlib import Path

import pytest

from mlops_cli.config.settings import Settings
from mlops_cli.errors import DataError
from mlops_cli.logs.discover import discover
from mlops_cli.logs.open import open_logs

CSV = "timestamp,prediction,score\n" + "".join(f"2026-01-01T00:00:{i:02d}Z,a,b\n" for i in range(20))
GOOD = '{"timestamp":"2026-01-01T00:00:00Z","prediction":1}\n'
RAY = '{"message":"Deploying","component_name":"controller","timestamp_ns":1}\n'
FILES = {
    "wide.csv": (CSV.encode("utf-16"), "UTF-16 text, UTF-8 is read", "iconv -f UTF-16 "),
    "bare.csv": (CSV.encode("utf-16-le"), "UTF-16LE text", "iconv -f UTF-16LE "),
    "big.jsonl": (GOOD.encode("utf-16-be"), "UTF-16BE text", "iconv -f UTF-16BE "),
    "cut.csv": (CSV.encode()[:100] + bytes(64) + CSV.encode()[100:], "the first at byte 100", "tr -d"),
    "crash.jsonl": (bytes(4096) + GOOD.encode(), "the first at byte 0", "tr -d"),
    "photo.csv": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "binary", "leave it out"),
    "twice.csv": (CSV.replace("score", "prediction").encode(), "column 'prediction' twice", "a name of its own"),
    "error.log": (b"2026/11/23 13:38:04 [notice] 1#1: start worker\n" * 9, "nginx's error log", "access log"),
    "a.prom": (b"# HELP up Is it up.\n# TYPE up gauge\nup 1\n", "a scrape of Prometheus", "leave it out"),
    "server.log": (b"INFO:     Started server process [1]\nERROR:    no\n", "messages of uvicorn", "access log"),
    "controller.log": (RAY.encode() * 9, "messages of Ray Serve's controller", "its proxy and replicas"),
    "other.jsonl": (b'{"foo": 1, "bar": "x"}\n' * 9, "no name of a column is known", "--column ROLE=COLUMN"),
    "words.txt": (b"hello world\nand more of it\n", "no format claims it", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_log_is_told_for_what_it_is_among_others(tmp_path, name):
    data, what, do = FILES[name]
    (tmp_path / name).write_bytes(data)
    (tmp_path / "good.jsonl").write_text(GOOD)
    found = discover([str(tmp_path)], Settings())

    assert [Path(f.shown).name for f in found.files] == ["good.jsonl"]
    (said,) = found.passed_over()
    assert said.startswith(str(tmp_path / name) + ": ")
    assert what in said
    assert do in said
    assert "\n" not in said


@pytest.mark.parametrize("name", [n for n in FILES if n not in ("words.txt", "other.jsonl")])
def test_alone_it_is_an_error_that_says_the_same(tmp_path, name):
    data, what, do = FILES[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=re.escape(what)) as caught:
        discover([str(tmp_path)], Settings())

    assert caught.value.where == str(tmp_path / name)
    assert do in caught.value.do


def test_columns_that_a_header_has_no_name_for_are_read_and_said(tmp_path):
    (tmp_path / "a.csv").write_text(CSV.replace("score", "") + "2026-01-01T00:00:59Z,a,b\n")
    (tmp_path / "b.csv").write_text("timestamp,prediction,,\n" + "2026-01-01T00:00:00Z,a,b,c\n" * 9)
    logs = open_logs(discover([str(tmp_path)], Settings()).files, None)

    assert [p.rows for p in logs.parts] == [21, 9]
    assert [n.split(": ", 1)[1] for n in logs.notes if "no name" in n] == [
        "the header has no name for: column_3", "the header has no name for: column_3, column_4"
    ]  # fmt: skip


def test_values_that_come_twice_in_a_first_row_without_names_are_values(tmp_path):
    (tmp_path / "a.csv").write_text("yes,yes,2026-01-01T00:00:00Z\nno,yes,2026-01-02T00:00:00Z\n" * 9)
    found = discover([str(tmp_path / "a.csv")], Settings())

    assert not found.unclaimed
    assert open_logs(found.files, None).parts[0].rows == 18
