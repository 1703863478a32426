"""Damaged, empty and foreign files: one clear message, and nothing lost in silence."""

import gzip
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlops_cli.config.settings import Settings
from mlops_cli.errors import DataError, UsageError
from mlops_cli.logs.discover import Discovered, discover
from mlops_cli.logs.expressions import expression
from mlops_cli.logs.format import Logs
from mlops_cli.logs.open import open_logs

GOOD = b'{"request_id": "a", "prediction": 1}\n'


def found(*paths: Path) -> Discovered:
    return discover([str(p) for p in paths], Settings())


def opened(*paths: Path) -> Logs:
    return open_logs(found(*paths).files, None)


def three_sentences(error: DataError) -> bool:
    return bool(error.what and error.where and error.do)


def test_an_empty_folder(tmp_path):
    with pytest.raises(DataError, match="there is no file") as caught:
        found(tmp_path)

    assert three_sentences(caught.value)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("data", [b"", b"\n\n", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_a_note_among_others_and_an_error_alone(tmp_path, data):
    (tmp_path / "empty.jsonl").write_bytes(data)
    with pytest.raises(DataError, match="nothing but empty files") as caught:
        found(tmp_path)
    assert three_sentences(caught.value)

    (tmp_path / "good.jsonl").write_bytes(GOOD)
    seen = found(tmp_path)
    assert [Path(f.shown).name for f in seen.files] == ["good.jsonl"]
    assert any(n.startswith("empty: ") and "empty.jsonl" in n for n in seen.notes)


def test_a_folder_without_logs_names_what_is_there(tmp_path):
    (tmp_path / "README.md").write_text("# Nothing to read here, but words.\n")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    with pytest.raises(DataError, match="no format claims any of the 2 files") as caught:
        found(tmp_path)

    assert "README.md" in caught.value.what
    assert "jsonl" in caught.value.do


def test_binary_junk_among_logs_is_not_claimed_and_said(tmp_path):
    junk = np.random.default_rng(1).integers(0, 256, 300_000, np.uint8).tobytes()
    for name in ("junk.bin", "junk.jsonl", "junk.csv", "junk.log"):
        (tmp_path / name).write_bytes(junk)
    (tmp_path / "good.jsonl").write_bytes(GOOD)
    seen = found(tmp_path)

    assert [Path(f.shown).name for f in seen.files] == ["good.jsonl"]
    assert sorted(Path(p).name for p in seen.unclaimed) == ["junk.bin", "junk.csv", "junk.jsonl", "junk.log"]


@pytest.mark.parametrize("keep", [0.2, 0.9])
def test_a_parquet_file_cut_in_the_middle(tmp_path, keep):
    path = tmp_path / "log.parquet"
    pl.DataFrame({"request_id": range(50_000), "prediction": range(50_000)}).write_parquet(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(DataError, match="Parquet") as caught:
        opened(path)

    assert three_sentences(caught.value)
    assert str(path) in caught.value.where


def test_a_parquet_file_without_rows(tmp_path):
    pl.DataFrame(schema={"request_id": pl.String, "prediction": pl.Int64}).write_parquet(
        tmp_path / "log.parquet"
    )
    with pytest.raises(DataError, match="hold no row"):
        opened(tmp_path)


def test_a_log_of_which_no_line_can_be_read(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(b"request_id,prediction\n" + b"\xe9,1\n" * 10)
    with pytest.raises(
        DataError, match="none of the 10 lines can be read; the first, line 2: not UTF-8: byte 0xe9"
    ):
        opened(path)


def test_a_file_of_bad_lines_among_others_is_named_by_a_part_without_rows(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"request_id,prediction\n" + b"\xe9,1\n" * 3)
    (tmp_path / "b.jsonl").write_bytes(GOOD)
    bad, good = opened(tmp_path).parts

    assert (bad.rows, bad.quarantined, len(bad.bad)) == (0, 3, 3)
    assert (good.rows, good.quarantined) == (1, 0)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may read all")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(GOOD)
    path.chmod(0)
    with pytest.raises(DataError, match="permission denied") as caught:
        found(tmp_path)

    assert three_sentences(caught.value)


def test_a_file_that_may_not_be_read_whoever_runs_this(tmp_path, monkeypatch):
    (tmp_path / "log.jsonl").write_bytes(GOOD)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match="permission denied") as caught:
        found(tmp_path)

    assert "allow this user" in caught.value.do
    assert str(tmp_path / "log.jsonl") == caught.value.where


def refuse(*_args: object, **_options: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_a_truncated_gzip_is_read_as_far_as_it_goes_and_its_end_is_named(tmp_path):
    packed = gzip.compress(
        b"".join(b'{"request_id": "r%d", "prediction": %d}\n' % (i, i * 7919 % 10007) for i in range(20_000))
    )
    (tmp_path / "log.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    (part,) = opened(tmp_path).parts

    assert 5_000 < part.rows < 15_000
    assert part.quarantined == 1
    assert part.bad[0].line == part.rows + 1
    assert "cut off" in part.bad[0].reason


def test_nan_and_infinities_stay_what_they_are(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(
        b'{"request_id": "a", "x": NaN}\n{"request_id": "b", "x": -Infinity}\n{"request_id": "c", "x": 1}\n'
    )
    (tmp_path / "b.csv").write_bytes(b"request_id,x\na,nan\nb,-inf\nc,1\n")
    for part in opened(tmp_path).parts:
        values = pl.scan_parquet(part.path).select(expression(part, "features.x")).collect().to_series()

        assert part.rows == 3
        assert values.dtype == pl.Float64
        assert (values.is_nan().sum(), values.is_infinite().sum(), values[2]) == (1, 1, 1.0)


def test_a_path_in_a_cloud_is_refused_in_words():
    with pytest.raises(UsageError, match="cloud"):
        discover(["s3://bucket/logs"], Settings())


def test_a_glob_without_a_match(tmp_path):
    with pytest.raises(DataError, match="no file matches"):
        discover([f"{tmp_path}/*.jsonl"], Settings())


def test_a_fifo_in_a_folder_is_passed_over(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "good.jsonl").write_bytes(GOOD)

    assert any("pipe is no file" in note for note in found(tmp_path).notes)


def test_a_damaged_parquet_file_among_good_ones_is_told_of_and_the_others_are_read(tmp_path):
    good = pl.DataFrame({"request_id": ["a", "b"], "prediction": [1, 0]})
    good.write_parquet(tmp_path / "a.parquet")
    good.write_parquet(tmp_path / "b.parquet")
    whole = (tmp_path / "b.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(whole[: len(whole) // 2])

    logs = opened(tmp_path)
    lost = next(p for p in logs.parts if p.source.shown.endswith("b.parquet"))

    assert [p.rows for p in logs.parts if p is not lost] == [2]
    assert (lost.kind, lost.rows, lost.quarantined, lost.source.bytes) == (
        "predictions",
        0,
        1,
        len(whole) // 2,
    )
    assert [(Path(b.source).name, b.line, b.length) for b in lost.bad] == [("b.parquet", 0, len(whole) // 2)]
    assert "no whole Parquet file" in lost.bad[0].reason


def test_nothing_but_damaged_parquet_files_is_an_error(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="no whole Parquet file") as caught:
        opened(tmp_path)

    assert three_sentences(caught.value)
    assert "a.parquet" in caught.value.where
