"""Counts of predictions beside labels: those of a loop over ids, whatever the files, partitions and memory."""

import random
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mlops_cli.config.settings import Settings
from mlops_cli.logs import partitions as spilled
from mlops_cli.logs.discover import discover
from mlops_cli.logs.open import open_logs
from mlops_cli.profile.labelled import labelled
from mlops_cli.profile.pairs import pairs
from mlops_cli.profile.plan import plan

START = datetime(2026, 1, 3, tzinfo=UTC)
SCHEMA = {
    "request_id": pl.String,
    "timestamp": pl.Datetime("us", "UTC"),
    "label_time": pl.Datetime("us", "UTC"),
}


def made(rng, words):
    """Predictions, some twice; labels of most, some twice and with another answer."""
    predictions = [
        {"request_id": f"r{i}", "timestamp": START + timedelta(minutes=rng.randrange(4_000)),
         "prediction": words(rng), "score": rng.randrange(100) / 100}
        for i in range(400)
    ]  # fmt: skip
    predictions += [
        {**p, "timestamp": p["timestamp"] + timedelta(minutes=1)} for p in rng.sample(predictions, 9)
    ]
    often = rng.sample(predictions, 300) + rng.sample(predictions, 20)
    labels = [  # no two at one time: which is the last is then no matter of files
        {"request_id": p["request_id"], "label": words(rng), "label_time": p["timestamp"] + timedelta(hours=9, seconds=i)}
        for i, p in enumerate(often)
    ]  # fmt: skip
    labels += [{**labels[0], "request_id": "nobody"}]
    rng.shuffle(labels)
    return predictions, labels


def opened(folder, predictions, labels, files):
    for kind, rows in (("predictions", predictions), ("labels", labels)):
        (folder / kind).mkdir(parents=True)
        for i in range(files):
            frame = pl.DataFrame(
                rows[i::files], schema_overrides={k: v for k, v in SCHEMA.items() if k in rows[0]}
            )
            frame.write_parquet(folder / kind / f"{i}.parquet", row_group_size=50)
    return open_logs(discover([str(folder)], Settings()).files, None).parts


def by_loop(predictions, labels):
    """Predictions of each answer and label, the first of each id with the last label of it."""
    first, last = {}, {}
    for p in sorted(predictions, key=lambda p: p["timestamp"]):
        first.setdefault(p["request_id"], p)
    for row in sorted(labels, key=lambda row: row["label_time"]):
        last[row["request_id"]] = row["label"]
    counts: dict = {}
    for key, p in first.items():
        at = (p["prediction"], last.get(key))
        counts[at] = counts.get(at, 0) + 1
    return counts


@pytest.mark.parametrize("words", [["yes", "no"], ["yes", "no", "no", "no", "rare"]])
def test_counts_are_those_of_a_loop_over_the_ids(tmp_path, words):
    predictions, labels = made(random.Random(1), lambda rng: rng.choice(words))
    parts = opened(tmp_path, predictions, labels, 3)
    cells = labelled(parts, plan(parts, (), Settings()), partitions=5).cells
    counted = {(a, b): n for a, b, n in cells.group_by("predicted", "label").agg(pl.col("n").sum()).rows()}
    said = {"yes": "1", "no": "0", None: None} if "rare" not in words else {w: w for w in [*words, None]}

    assert {(said[a], said[b]): n for (a, b), n in by_loop(predictions, labels).items()} == counted


@pytest.mark.parametrize("kind", ["words", "a rare word", "numbers"])
def test_counts_are_the_same_for_any_files_order_partitions_and_memory(tmp_path, monkeypatch, kind):
    words = {
        "words": lambda rng: rng.choice(["yes", "no"]),
        "a rare word": lambda rng: "unknown" if rng.random() < 0.004 else rng.choice(["yes", "no"]),
        "numbers": lambda rng: rng.randrange(1_000) / 8,
    }[kind]
    predictions, labels = made(random.Random(2), words)
    found = []
    for files, partitions, held in ((1, 1, 0), (3, 4, 0), (5, 16, 0), (2, 7, 1)):
        monkeypatch.setattr(spilled, "HELD", held or spilled.HELD)
        monkeypatch.setattr(spilled, "PIECE", 60)
        random.Random(files).shuffle(predictions)
        parts = opened(tmp_path / f"{files} {partitions}", predictions, labels, files)
        spec = plan(parts, (), Settings())
        one = labelled(parts[::-1], spec, partitions=partitions)
        told = pairs(parts[::-1], spec.window, Settings(), partitions=partitions)
        found.append((one.cells, one.losses, told.counts["labels"], told.notes))

    cells, losses, counts, notes = found[0]
    assert (cells if kind != "numbers" else losses).height
    for other in found[1:]:
        assert cells.equals(other[0])
        assert_frame_equal(losses, other[1])  # sums of floats: the same but for their last digits
        assert counts.equals(other[2])
        assert notes == other[3]
