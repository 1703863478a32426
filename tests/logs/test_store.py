"""The store: what comes in once stays once, whatever the files do; and what is to go, goes."""

import gzip
import json
import os
import random
import shutil
from pathlib import Path

import polars as pl
import pytest

from mlops_cli.config.settings import Settings
from mlops_cli.errors import DataError, UsageError
from mlops_cli.logs import store as store_module
from mlops_cli.logs.discover import discover
from mlops_cli.logs.ingest import Done, ingest
from mlops_cli.logs.open import open_logs
from mlops_cli.logs.private import hash_of
from mlops_cli.logs.settle import compact, forget, matching, verify
from mlops_cli.logs.store import MANIFEST, Store, locked, look

DATA = Path(__file__).parent / "data"


def record(i: int, **more) -> dict:
    return {
        "request_id": f"r{i}",
        "timestamp": f"2026-01-{1 + i % 3:02d}T10:00:{i % 60:02d}Z",
        "amount": i + 0.5,
        "user_id": f"u{i % 4}",
        "prediction": i % 2,
        **more,
    }


def lines(numbers, **more) -> str:
    return "".join(json.dumps(record(i, **more)) + "\n" for i in numbers)


def take(root: Path, *paths, settings=None, **how) -> Done:
    settings = settings or Settings()
    with locked(root, create=True) as store:
        return ingest(store, discover([str(p) for p in paths], settings), **how)[1]


def rows(root: Path, kind: str = "predictions") -> pl.DataFrame:
    frame = pl.read_parquet(root / f"kind={kind}" / "**/*.parquet", hive_partitioning=True)
    return frame.drop("source", "date", "kind", strict=False)


def ids(root: Path) -> list[str]:
    return sorted(rows(root)["request_id"].to_list(), key=lambda r: int(r[1:]))


def names(numbers) -> list[str]:
    return [f"r{i}" for i in numbers]


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def log(tmp_path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs" / "a.jsonl"


def test_a_source_is_taken_once(root, log):
    log.write_text(lines(range(9)))
    first, second = take(root, log), take(root, log)

    assert (first.files, first.rows) == ({"new": 1}, {"predictions": 9})
    assert (second.files, second.rows) == ({"unchanged": 1}, {})
    assert ids(root) == names(range(9))


def test_rows_lie_by_kind_and_date(root, log):
    log.write_text(lines(range(9)))
    take(root, log)
    folders = {str(p.parent.relative_to(root)) for p in root.rglob("*.parquet")}

    assert folders == {f"kind=predictions/date=2026-01-0{d}" for d in (1, 2, 3)}


def test_a_file_that_grew_is_continued_where_it_stopped(root, log):
    log.write_text(lines(range(5)))
    take(root, log)
    with log.open("a") as out:
        out.write("{broken\n" + lines(range(5, 9)))
    done = take(root, log)
    (bad,) = [json.loads(x) for p in (root / "quarantine").iterdir() for x in p.read_text().splitlines()]

    assert (done.files, done.rows) == ({"grown": 1}, {"predictions": 4})
    assert ids(root) == names(range(9))
    assert (bad["line"], bad["byte"], bad["length"]) == (6, len(lines(range(5))), 7)


def test_a_line_that_was_being_written_is_read_when_it_is_whole(root, log):
    text = lines(range(3))
    log.write_text(text[:-10])
    take(root, log, complete_lines=True)
    before = ids(root)
    log.write_text(text)
    take(root, log, complete_lines=True)

    assert before == names(range(2))
    assert ids(root) == names(range(3))
    assert not (root / "quarantine").exists()


def test_a_last_line_without_newline_is_read_and_replaced_when_it_grew(root, log):
    text = lines(range(3))
    log.write_text(text[:-10])
    first = take(root, log)
    log.write_text(text + lines(range(3, 5)))
    take(root, log)

    assert first.quarantined == 1
    assert ids(root) == names(range(5))
    assert list(root.glob("quarantine/*")) == []


def test_a_rotated_file_is_known_under_its_new_name(root, log):
    log.write_text(lines(range(5)))
    take(root, log.parent)
    with log.open("a") as out:
        out.write(lines(range(5, 7)))
    log.rename(log.with_name("a.jsonl.1"))
    log.write_text(lines(range(7, 9)))
    done = take(root, log.parent)

    assert done.files == {"new": 1, "grown": 1}
    assert ids(root) == names(range(9))


def test_a_cascade_of_rotations_is_followed(root, log):
    log.write_text(lines(range(3)))
    take(root, log.parent)
    for begin in (3, 6, 9):
        for n in (3, 2, 1):
            older = log.with_name(f"a.jsonl.{n}")
            if older.exists():
                older.rename(log.with_name(f"a.jsonl.{n + 1}"))
        log.rename(log.with_name("a.jsonl.1"))
        log.write_text(lines(range(begin, begin + 3)))
        take(root, log.parent)

    assert ids(root) == names(range(12))


def test_a_file_that_was_copied_and_emptied_is_known(root, log):
    log.write_text(lines(range(5)))
    take(root, log.parent)
    shutil.copyfile(log, log.with_name("a.jsonl.1"))
    log.write_text(lines(range(5, 7)))
    take(root, log.parent)

    assert ids(root) == names(range(7))


def test_a_rotated_file_that_was_compressed_is_known(root, log):
    log.write_text(lines(range(5)))
    take(root, log.parent)
    log.with_name("a.jsonl.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()
    done = take(root, log.parent)

    assert done.files == {"unchanged": 1}
    assert ids(root) == names(range(5))


def test_a_replaced_file_is_another_file(root, log):
    log.write_text(lines(range(5)))
    take(root, log)
    log.write_text(lines(range(20, 29)))
    take(root, log)

    assert ids(root) == names([*range(5), *range(20, 29)])


def test_equal_lines_at_different_places_are_different_records(root, log):
    log.write_text(lines([1, 1]))
    log.with_name("b.jsonl").write_text(lines([1, 1]))
    os.utime(log.with_name("b.jsonl"), ns=(1, log.stat().st_mtime_ns))
    take(root, log.parent)
    take(root, log.parent)

    assert ids(root) == names([1, 1, 1, 1])


def test_a_csv_that_grew_is_read_again_and_takes_its_own_place(root, log):
    csv = log.with_name("a.csv")
    head = "request_id,timestamp,amount,prediction\n"
    csv.write_text(head + "".join(f"r{i},2026-01-01T00:00:00Z,{i},1\n" for i in range(3)))
    take(root, csv)
    with csv.open("a") as out:
        out.write("".join(f"r{i},2026-01-02T00:00:00Z,{i}.5,1\n" for i in range(3, 5)))
    done = take(root, csv)

    assert done.files == {"read again": 1}
    assert ids(root) == names(range(5))
    assert rows(root)["features.amount"].dtype == pl.Float64


def test_a_parquet_table_that_was_written_again_replaces_its_rows(root, log):
    table = log.with_name("a.parquet")
    pl.DataFrame([record(i) for i in range(3)]).write_parquet(table)
    take(root, table)
    pl.DataFrame([record(i) for i in range(5)]).write_parquet(table)
    take(root, table)

    assert ids(root) == names(range(5))


def test_retrying_reads_a_source_as_it_is_configured_now(root, log):
    log.write_text('{"id": "r1", "timestamp": "2026-01-01T00:00:00Z", "a": 1, "b": 2}\n{"id": 7\n')
    take(root, log)
    source = {"path": str(log), "columns": {"prediction": "a"}}
    settings = Settings.model_validate({"sources": {"x": source}})
    take(root, log, settings=settings, retry=True)

    assert rows(root).select("request_id", "prediction").rows() == [("r1", 1)]


def test_retrying_reads_again_what_had_unread_lines_and_nothing_else(root, log):
    log.write_text(lines(range(3)) + "{\n")
    log.with_name("b.jsonl").write_text(lines(range(3, 6)))
    take(root, log.parent)
    done = take(root, log.parent, retry=True)

    assert done.files == {"read again": 1, "unchanged": 1}
    assert done.quarantined == 1
    assert ids(root) == names(range(6))


def test_the_quarantine_holds_text_only_when_asked_and_for_the_owner_only(root, log):
    log.write_text(lines(range(2)) + '{"secret": "canary"\n')
    take(root, log)
    plain = b"".join(p.read_bytes() for p in root.rglob("*") if p.is_file())
    shutil.rmtree(root)
    take(root, log, keep_lines=True)
    (kept,) = (root / "quarantine").iterdir()

    assert b"canary" not in plain
    assert json.loads(kept.read_text())["text"] == '{"secret": "canary"'
    assert kept.stat().st_mode & 0o777 == 0o600


def test_the_text_of_an_unread_line_is_that_of_the_unpacked_file(root, log):
    packed = log.with_name("a.jsonl.gz")
    packed.write_bytes(gzip.compress((lines(range(2)) + '{"lost"\n').encode()))
    take(root, packed, keep_lines=True)
    (kept,) = (root / "quarantine").iterdir()

    assert json.loads(kept.read_text())["text"] == '{"lost"'


def test_who_asked_is_kept_as_a_hash(root, log):
    log.write_text(lines(range(4)))
    take(root, log)

    assert set(rows(root)["user_id"]) == {hash_of(f"u{i}", b"") for i in range(4)}


def test_all_files_of_a_kind_have_the_same_columns(root, log):
    log.write_text(lines(range(3), amount=1))
    log.with_name("b.jsonl").write_text(lines(range(3, 6), extra="x"))
    log.with_name("c.jsonl").write_text(lines(range(6, 9), amount="much"))
    take(root, log.parent)
    schemas = {tuple(pl.read_parquet_schema(p).items()) for p in root.rglob("*.parquet")}

    assert len(schemas) == 1
    assert rows(root).sort("request_id")["features.amount"].to_list()[::3] == ["1", "3.5", "much"]


def test_a_store_is_read_with_the_types_that_its_sources_had(root, log):
    log.write_text(lines(range(3), amount=1))
    log.with_name("c.jsonl").write_text(lines(range(6, 9), amount="much"))
    take(root, log.parent)
    parts = open_logs(discover([str(root)], Settings()).files, None).parts

    assert {p.columns["features.amount"] for p in parts} == {
        "features.amount",
        '= CAST("features.amount" AS BIGINT)',
    }


def test_a_change_of_which_the_journal_was_written_happens(root, log, monkeypatch):
    log.write_text(lines(range(5)))
    take(root, log)
    log.with_name("b.jsonl").write_text(lines(range(5, 9)))
    monkeypatch.setattr(store_module, "_carry_out", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        take(root, log.parent)
    monkeypatch.undo()
    # What the killed process leaves: the journal, and what was staged.
    assert (root / ".journal.json").exists()
    found = discover([str(root)], Settings())

    assert sum(f.kind == "predictions" for f in found.files) == 6
    assert ids(root) == names(range(9))
    assert verify(look(root)) == []


def test_compact_leaves_the_rows_and_their_sources(root, log):
    for i in range(4):
        log.with_name(f"{i}.jsonl").write_text(lines(range(9 * i, 9 * i + 9)))
    take(root, log.parent)
    before = rows(root).sort("request_id")
    with locked(root) as store:
        after, many, few = compact(store)

    assert (many, few) == (12, 3)
    assert rows(root).sort("request_id").equals(before)
    assert verify(after) == []
    with log.with_name("2.jsonl").open("a") as out:
        out.write(lines([99]))
    assert take(root, log.parent).rows == {"predictions": 1}
    assert ids(root) == names([*range(36), 99])


def test_a_source_within_a_compacted_file_can_be_replaced(root, log):
    table = log.with_name("a.parquet")
    pl.DataFrame([record(i) for i in range(6)]).write_parquet(table)
    log.write_text(lines(range(10, 16)))
    take(root, log.parent)
    with locked(root) as store:
        compact(store)
    pl.DataFrame([record(i) for i in range(8)]).write_parquet(table)
    take(root, log.parent)

    assert ids(root) == names([*range(8), *range(10, 16)])
    assert verify(look(root)) == []


def test_what_is_forgotten_does_not_come_back_when_its_source_is_read_again(root, log):
    log.write_text(lines(range(8)) + "{\n")
    take(root, log)
    with locked(root) as store:
        condition = "request_id = 'r3'"
        forget(store, condition, list(matching(store, condition)))
    take(root, log, retry=True)

    assert ids(root) == names([0, 1, 2, 4, 5, 6, 7])


def test_a_condition_on_an_unknown_column_is_an_error(root, log):
    log.write_text(lines(range(3)))
    take(root, log)
    with locked(root) as store, pytest.raises(UsageError, match="no kind of log has the columns"):
        matching(store, "usr = 'x'")


def test_verify_names_what_is_damaged_missing_or_strange(root, log):
    log.write_text(lines(range(9)))
    take(root, log)
    first, second, third = sorted(root.rglob("*.parquet"))
    data = bytearray(first.read_bytes())
    data[10] ^= 1
    first.write_bytes(data)
    second.unlink()
    shutil.copyfile(third, third.with_name("x.parquet"))

    assert [w.split(" ", 1)[1] for w in verify(look(root))] == [
        "is not as it was written",
        "is missing: 3 rows",
        "is no file of this store",
    ]


def test_a_store_is_not_made_in_a_folder_of_other_things(root, log):
    log.write_text(lines(range(3)))
    with pytest.raises(UsageError, match="no store and not empty"):
        take(log.parent, log)


def test_what_is_no_store_is_said(tmp_path):
    with pytest.raises(DataError, match="there is no store here"):
        look(tmp_path)
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(DataError, match="manifest is damaged"):
        look(tmp_path)


def test_a_store_within_a_folder_of_logs_is_not_read_beside_them(log):
    log.write_text(lines(range(3)))
    take(log.parent / "store", log)
    found = discover([str(log.parent)], Settings())

    assert [Path(f.path).name for f in found.files] == ["a.jsonl"]
    assert any("is a store of ingested logs" in note for note in found.notes)


def test_a_store_tells_how_many_lines_are_missing_from_it(root, log):
    log.write_text(lines(range(3)) + "{\n{\n")
    take(root, log)
    parts = open_logs(discover([str(root)], Settings()).files, None).parts

    assert sum(p.quarantined for p in parts) == 2
    assert [b.line for p in parts for b in p.bad] == [4, 5]


@pytest.mark.parametrize("folder", ["bentoml", "nginx", "otlp", "ray_serve", "sagemaker", "uvicorn"])
def test_a_store_holds_what_its_sources_hold(root, folder):
    raw = open_logs(discover([str(DATA / folder)], Settings()).files, None)
    take(root, DATA / folder)
    kept = open_logs(discover([str(root)], Settings()).files, None)

    def told(logs):
        return {
            k: sum(p.rows for p in logs.of(k))
            for k in ("predictions", "feedback", "requests", "spans", "gauges")
        }

    assert told(kept) == told(raw)
    for kind in {p.kind for p in raw.parts}:
        have = {n for p in raw.of(kind) for n in p.columns}
        assert {n for p in kept.of(kind) for n in p.columns} == have


@pytest.mark.parametrize("seed", range(3))
def test_any_split_and_order_gives_the_same_content(tmp_path, seed):
    rng = random.Random(seed)
    whole = [json.dumps(record(i, text=rng.choice([None, "x", "y"]))) for i in range(60)]
    whole += [whole[3], whole[3]]
    broken = ["{", "no", '{"a": 1', "[1]"]
    text = [*whole, *broken, *broken]
    contents = []
    for how in range(3):
        rng.shuffle(text)
        folder, root = tmp_path / f"in{how}", tmp_path / f"store{how}"
        folder.mkdir()
        cuts = sorted(rng.sample(range(1, len(text)), 5))
        for n, (a, b) in enumerate(zip([0, *cuts], [*cuts, len(text)], strict=True)):
            (folder / f"{n}.jsonl").write_text("".join(line + "\n" for line in text[a:b]))
        settings = Settings.model_validate({"sources": {"x": {"path": f"{folder}/*", "format": "jsonl"}}})
        done = take(root, *rng.sample(sorted(folder.iterdir()), 6), settings=settings)
        assert (done.rows["predictions"], done.quarantined) == (62, 8)
        contents.append(rows(root).sort("request_id", "features.amount"))

    assert contents[0].equals(contents[1])
    assert contents[0].equals(contents[2])


def test_growing_by_any_steps_gives_the_same_content(root, tmp_path, log):
    rng = random.Random(5)
    text = (lines(range(40)) + "{broken\n" + lines(range(40, 60))).encode()
    at = 0
    while at < len(text):
        step = rng.randint(1, 900)
        with log.open("ab") as out:
            out.write(text[at : at + step])
        at += step
        done = None
        if b"\n" in log.read_bytes():
            done = take(root, log, complete_lines=rng.random() < 0.5)
    take(tmp_path / "other", log)

    assert done is not None
    assert rows(root).sort("request_id").equals(rows(tmp_path / "other").sort("request_id"))
    assert len(list(root.glob("quarantine/*"))) == 1


def test_the_store_is_a_store(root):
    with locked(root, create=True) as store:
        assert isinstance(store, Store)
    assert look(root).manifest.files == {}


def test_a_store_takes_up_another_one_but_not_itself(root, tmp_path, log):
    log.write_text(lines(range(5)) + "{\n")
    take(root, log)
    take(tmp_path / "other", root)
    with pytest.raises(UsageError, match="a store cannot take up itself"):
        take(root, root)

    assert rows(tmp_path / "other").sort("request_id").equals(rows(root).sort("request_id"))


def test_what_comes_from_standard_input_is_taken_once(root, log, monkeypatch):
    for text in (lines(range(3)), lines(range(3)), lines(range(5))):
        log.write_text(text)
        with log.open("rb") as file:
            monkeypatch.setattr("sys.stdin", type("In", (), {"buffer": file}))
            take(root, "-")

    assert ids(root) == names(range(5))
