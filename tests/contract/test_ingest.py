"""`mlops ingest` as a process: killed at any moment, twice at once, and what it says."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from mlops_cli.logs.demo import write
from mlops_cli.logs.settle import verify
from mlops_cli.logs.store import look

MLOPS = (sys.executable, "-m", "mlops_cli")
LINES = 30


def run(*words, **how) -> subprocess.CompletedProcess:
    return subprocess.run([*MLOPS, *map(str, words)], capture_output=True, text=True, check=False, **how)


def begin(*words) -> subprocess.Popen:
    return subprocess.Popen([*MLOPS, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def content(root: Path) -> pl.DataFrame:
    frame = pl.read_parquet(root / "kind=*" / "**/*.parquet", hive_partitioning=True)
    return frame.drop("source", "kind", "date").sort("request_id")


def made(folder: Path, files: int) -> Path:
    for n in range(files):
        rows = (
            {"request_id": f"r{n:03d}-{i:03d}", "timestamp": f"2026-01-{1 + n % 5:02d}T00:00:{i % 60:02d}Z",
             "amount": n * i, "prediction": i % 2}
            for i in range(LINES)
        )  # fmt: skip
        text = "".join(json.dumps(r) + "\n" for r in rows)
        (folder / f"{n:03d}.jsonl").write_text(text + "{broken\n" * (n % 10 == 0))
    return folder


@pytest.fixture(scope="module")
def logs(tmp_path_factory) -> Path:
    return made(tmp_path_factory.mktemp("logs"), 40)


@pytest.fixture(scope="module")
def undisturbed(logs, tmp_path_factory) -> pl.DataFrame:
    return whole(logs, tmp_path_factory.mktemp("whole") / "store", 40)


def whole(logs: Path, root: Path, files: int) -> pl.DataFrame:
    done = run("ingest", logs, "--to", root, "--isolated")

    assert (done.returncode, done.stderr) == (0, "")
    assert f"files: {files} new" in done.stdout
    assert f"unread: {files // 10} lines" in done.stdout
    return content(root)


def killed_at_random(logs: Path, root: Path, times: int, seed: int) -> int:
    """Begin an ingest `times` times and kill it; how often it had begun with the store and was not done."""
    rng, hit = random.Random(seed), 0
    for _ in range(times):
        lock = root / ".lock"
        old = lock.stat().st_mtime_ns if lock.exists() else 0
        process = begin("ingest", logs, "--to", root, "--isolated")
        while process.poll() is None and (not lock.exists() or lock.stat().st_mtime_ns == old):
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 1.5))
        hit += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        if (root / "mlops.store.json").exists() and len(look(root).manifest.origins) == len(
            list(logs.iterdir())
        ):
            shutil.rmtree(root)  # begin anew: there is nothing left to disturb
    return hit


def same_as(undisturbed: pl.DataFrame, logs: Path, root: Path) -> None:
    done = run("ingest", logs, "--to", root, "--isolated")

    assert (done.returncode, done.stderr) == (0, "")
    assert content(root).equals(undisturbed)
    assert verify(look(root)) == []
    assert len(list((root / "quarantine").iterdir())) == len(list(logs.iterdir())) // 10
    assert not (root / ".staging").exists()


def test_an_ingest_that_was_killed_leaves_a_store_that_the_next_one_completes(logs, undisturbed, tmp_path):
    assert killed_at_random(logs, tmp_path / "store", 2, seed=1) > 0

    same_as(undisturbed, logs, tmp_path / "store")


@pytest.mark.slow
def test_an_ingest_killed_at_fifty_moments_leaves_each_record_once(tmp_path):
    (tmp_path / "logs").mkdir()
    logs = made(tmp_path / "logs", 100)
    undisturbed = whole(logs, tmp_path / "whole", 100)
    for i in range(10):
        killed_at_random(logs, tmp_path / f"store{i}", 5, seed=i)
        same_as(undisturbed, logs, tmp_path / f"store{i}")


def test_two_ingests_at_once_take_each_record_once(logs, undisturbed, tmp_path):
    both = [begin("ingest", logs, "--to", tmp_path / "store", "--isolated") for _ in range(2)]

    assert [p.wait() for p in both] == [0, 0]
    same_as(undisturbed, logs, tmp_path / "store")


def test_follow_goes_on_as_files_grow(tmp_path):
    log, root = tmp_path / "a.jsonl", tmp_path / "store"
    line = '{"request_id": "r%d", "timestamp": "2026-01-01T00:00:00Z", "prediction": 1}\n'
    log.write_text(line % 1)
    process = begin("ingest", log, "--to", root, "--isolated", "--follow", "--interval", "0.1")
    try:
        _until(lambda: _rows(root) == 1)
        with log.open("a") as out:
            out.write((line % 2) + (line % 3)[:20])
        _until(lambda: _rows(root) == 2)
        with log.open("a") as out:
            out.write((line % 3)[20:])
        _until(lambda: _rows(root) == 3)
    finally:
        process.send_signal(signal.SIGINT)

    assert process.wait() == 130
    assert not list(root.glob("quarantine/*"))


def _rows(root: Path) -> int:
    if not (root / "mlops.store.json").exists():
        return 0
    return sum(k.rows for k in look(root).manifest.files.values())


def _until(done) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_dry_run_says_what_would_be_read_and_changes_nothing(logs, tmp_path):
    done = run("ingest", logs / "000.jsonl", "--to", tmp_path / "store", "--isolated", "--dry-run")

    assert done.stdout.splitlines()[0].endswith("000.jsonl: new (predictions in jsonl)")
    assert not (tmp_path / "store").exists()


def test_the_commands_of_a_store_say_what_they_did(logs, tmp_path):
    root = tmp_path / "store"
    run("ingest", logs / "000.jsonl", logs / "001.jsonl", "--to", root, "--isolated")
    (tmp_path / ".mlops/cache").mkdir(parents=True)

    def said(*words):
        done = run("store", *words, cwd=tmp_path, env={**os.environ, "MLOPS_STATE": ""})
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert json.loads(said("info", root, "-f", "json"))["kinds"]["predictions"]["rows"] == 2 * LINES
    assert said("verify", root) == "whole: 60 rows in 2 files\n"
    assert said("compact", root) == "2 files are 2 now\n"


def test_forgetting_asks_first_and_takes_the_counts_along(logs, tmp_path):
    root, cache = tmp_path / "store", tmp_path / ".mlops" / "cache"
    run("ingest", logs / "001.jsonl", "--to", root, "--isolated")
    cache.mkdir(parents=True)
    words = ("store", "forget", root, "--where", "request_id = 'r001-003'", "--isolated")
    asked = run(*words, cwd=tmp_path)
    before = content(root).height, cache.exists()
    done = run(*words, "--yes", cwd=tmp_path)

    assert asked.stdout == "would go: 1 predictions, of 1 files\ndo it: add --yes\n"
    assert before == (LINES, True)
    assert done.stdout.startswith("gone: 1 predictions; kept counts in ")
    assert (content(root).height, cache.exists()) == (LINES - 1, False)


def test_pruning_takes_rows_of_an_age(logs, tmp_path):
    root = tmp_path / "store"
    run("ingest", logs / "000.jsonl", logs / "001.jsonl", "--to", root, "--isolated")
    done = run("store", "prune", root, "--older-than", "12h", "--yes", "--isolated", cwd=tmp_path)

    assert done.stdout.startswith(f"gone: {LINES} predictions")
    assert {k.date for k in look(root).manifest.files.values()} == {"2026-01-02"}


def test_a_store_gives_the_verdict_of_its_sources(tmp_path):
    samples = tmp_path / "logs"
    write(samples, 8, 250, 7)
    run("ingest", samples, "--to", tmp_path / "store", "--isolated")
    both = [
        run("monitor", path, "--isolated", "--no-state", "-f", "json", cwd=tmp_path)
        for path in (samples, tmp_path / "store")
    ]
    raw, kept = (json.loads(done.stdout) for done in both)

    assert both[0].returncode == both[1].returncode
    assert kept["verdict"] == raw["verdict"]
    assert kept["judgement"] == raw["judgement"]


def test_duckdb_and_pandas_read_a_store_as_it_is(logs, undisturbed, tmp_path):
    duckdb = pytest.importorskip("duckdb")
    pd = pytest.importorskip("pandas")
    root = tmp_path / "store"
    run("ingest", logs, "--to", root, "--isolated")
    kind = root / "kind=predictions"
    found = duckdb.sql(f"SELECT count(*), sum(\"features.amount\") FROM read_parquet('{kind}/**/*.parquet')")
    frame = pd.read_parquet(kind)

    assert found.fetchall() == [(undisturbed.height, undisturbed["features.amount"].sum())]
    assert len(frame) == undisturbed.height
    assert sorted(frame["request_id"]) == undisturbed["request_id"].to_list()
