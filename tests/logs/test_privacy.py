"""What [privacy] leaves out, hashes or cuts is in nothing that is kept of a log."""

import json
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from mlops_cli.config.settings import Settings
from mlops_cli.errors import UsageError
from mlops_cli.logs import json_lines
from mlops_cli.logs.discover import discover
from mlops_cli.logs.expressions import available, expression
from mlops_cli.logs.format import Logs, Part
from mlops_cli.logs.open import open_logs

CANARY = "canary-4711"
ROWS = [
    {
        "request_id": f"r{i}",
        "user": f"{CANARY}-{i % 2}",
        "name": CANARY,
        "comment": f"a word and {CANARY}",
        "x": i,
        "prediction": 1,
    }
    for i in range(4)
]
PRIVACY = {"drop": ["name"], "hash": ["user_id"], "truncate": {"comment": 6}, "key": "env:MLOPS_TEST_KEY"}


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("MLOPS_TEST_KEY", "a secret")


def write(path: Path, rows=ROWS) -> Path:
    frame = pl.DataFrame(rows)
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".csv":
        frame.write_csv(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def opened(path: Path, cache: Path, **privacy) -> Logs:
    settings = Settings.model_validate({"privacy": {**PRIVACY, **privacy}})
    return open_logs(discover([str(path)], settings).files, cache)


def column(part: Part, name: str) -> list:
    return pl.scan_parquet(part.path).select(expression(part, name)).collect().to_series().to_list()


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "bulk.jsonl"])
def test_the_canary_is_in_nothing_that_is_kept(tmp_path, form, monkeypatch):
    if form.startswith("bulk"):
        monkeypatch.setattr(json_lines, "SMALL", 0)
    path, cache = write(tmp_path / f"log.{form}"), tmp_path / "cache"
    (part,) = opened(path, cache).parts

    assert Path(part.path).parent == cache
    for file in cache.iterdir():
        # Columns are compressed: the text is looked for in their values.
        text = repr(pl.read_parquet(file).rows()) if file.suffix == ".parquet" else file.read_text()
        assert CANARY not in text
        assert CANARY.encode() not in file.read_bytes()
    assert sorted(f.suffix for f in cache.iterdir()) == [".json", ".parquet", ".states"]


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_what_is_left_is_dropped_hashed_and_cut(tmp_path, form):
    (part,) = opened(write(tmp_path / f"log.{form}"), tmp_path / "cache").parts

    assert available(part) == {"request_id", "user_id", "prediction", "features.comment", "features.x"}
    assert column(part, "features.comment") == ["a word"] * 4
    assert column(part, "features.x") == [0, 1, 2, 3]
    users = column(part, "user_id")
    assert users[:2] == users[2:]
    assert len(set(users)) == 2


def test_equal_values_hash_alike_in_files_of_other_types_and_other_keys_differently(tmp_path, monkeypatch):
    one = write(tmp_path / "a.jsonl", [{"request_id": "a", "user_id": "7", "prediction": 1}])
    two = write(tmp_path / "b.parquet", [{"request_id": "b", "user_id": 7, "prediction": 1}])
    found = [column(opened(p, tmp_path / "cache").parts[0], "user_id")[0] for p in (one, two)]
    monkeypatch.setenv("MLOPS_TEST_KEY", "another")
    other = column(opened(one, tmp_path / "cache").parts[0], "user_id")[0]

    assert found[0] == found[1]
    assert found[0] != other


def test_a_parquet_log_without_such_columns_is_read_as_it_lies(tmp_path):
    path = write(tmp_path / "log.parquet", [{"request_id": "a", "prediction": 1}])

    assert opened(path, tmp_path / "cache").parts[0].path == str(path)


def test_a_field_of_a_nested_column_is_meant_by_its_path(tmp_path):
    rows = [{"request_id": "a", "prediction": 1, "who": {"mail": CANARY, "age": 7}}]
    for form in ("jsonl", "parquet"):
        (part,) = opened(write(tmp_path / f"log.{form}", rows), tmp_path / form, drop=["who.mail"]).parts

        assert CANARY not in repr(pl.read_parquet(part.path).rows())
        assert column(part, "features.who.age") == [7]


def test_a_pattern_means_every_column_that_it_fits(tmp_path):
    (part,) = opened(write(tmp_path / "log.jsonl"), tmp_path / "cache", drop=["n*", "comm*"]).parts

    assert available(part) == {"request_id", "user_id", "prediction", "features.x"}


def test_the_statistics_of_a_parquet_file_hold_no_value_either(tmp_path):
    (part,) = opened(write(tmp_path / "log.parquet"), tmp_path / "cache").parts
    metadata = pq.read_metadata(part.path)

    assert all(
        CANARY not in str(metadata.row_group(0).column(i).statistics) for i in range(metadata.num_columns)
    )


def test_a_key_that_is_not_set_is_an_error_that_names_it(tmp_path, monkeypatch):
    monkeypatch.delenv("MLOPS_TEST_KEY")
    with pytest.raises(UsageError, match="MLOPS_TEST_KEY") as caught:
        opened(write(tmp_path / "log.jsonl"), tmp_path / "cache")

    assert "secret" in caught.value.do


@pytest.mark.parametrize(
    "wrong", [{"hash": ["a"]}, {"key": "not from the environment"}, {"truncate": {"a": 0}}]
)
def test_a_privacy_section_that_cannot_work_is_refused(wrong):
    with pytest.raises(ValueError, match=r"key|environment|greater"):
        Settings.model_validate({"privacy": wrong})
