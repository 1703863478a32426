import gzip
import re
from datetime import date, timedelta

import polars as pl
import pytest

from mlops_cli.errors import UsageError
from mlops_cli.logs import demo
from mlops_cli.logs.traffic import FEATURES

FIRST = date(2026, 10, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo")
    demo.write(path)
    return path


@pytest.fixture(scope="module")
def predictions(folder):
    return pl.read_parquet(folder / "predictions/*.parquet").with_columns(day=pl.col("timestamp").dt.date())


def lines(path):
    return pl.read_ndjson(gzip.decompress(path.read_bytes()))


def contents(path):
    return {str(f.relative_to(path)): f.read_bytes() for f in sorted(path.rglob("*")) if f.is_file()}


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        demo.write(tmp_path / name, days=8, rows=250, seed=seed)
    one, two, other = (contents(tmp_path / name) for name in ("one", "two", "other"))

    assert one == two
    assert one.keys() == other.keys()
    assert all(one[name] != other[name] for name in one)


def test_the_demo_has_every_kind_of_log_and_about_the_rows_asked_for(folder, predictions):
    daily = predictions.group_by("day").len()

    assert {f.name.split(".")[0] for f in folder.iterdir()} == {
        "predictions", "labels", "actions", "access", "spans", "decisions", "gauges",
    }  # fmt: skip
    assert sorted(daily["day"]) == [FIRST + timedelta(days=k) for k in range(14)]
    assert daily["len"].is_between(490, 520).all()


def test_only_the_last_two_days_lose_the_carrier_and_nothing_else_goes_missing(predictions):
    known = {"carrier", "dep_delay", "score", "prediction"}
    last = pl.col("day") >= date(2026, 10, 13)
    gone = predictions.group_by("day").agg(pl.col("carrier").is_null().mean())

    assert gone.filter(last)["carrier"].is_between(0.22, 0.28).all()
    assert (gone.filter(~last)["carrier"] == 0).all()
    assert predictions.drop(known).null_count().sum_horizontal().item() == 0


def test_featurize_is_slow_on_one_day_and_well_on_the_next(folder):
    spans = pl.read_parquet(folder / "spans.parquet").filter(pl.col("component") == "featurize")
    median = dict(
        spans.group_by(pl.col("timestamp").dt.date()).agg(pl.col("latency_ms").median()).iter_rows()
    )
    usual = median[FIRST]

    assert median.pop(date(2026, 10, 10)) > 3 * usual
    assert all(abs(value / usual - 1) < 0.1 for value in median.values())


def test_what_is_said_to_be_planted_names_the_days_it_lies_on(tmp_path):
    said = demo.write(tmp_path, days=9, rows=250)
    rows = pl.read_parquet(tmp_path / "predictions/*.parquet")
    first = rows.filter(pl.col("carrier").is_null())["timestamp"].dt.date().min()

    assert [re.findall(r"\d{4}-\d\d-\d\d", one) for one in said] == [["2026-10-05"], [str(first)]]


def test_a_failed_request_has_no_prediction_and_every_prediction_a_good_request(folder, predictions):
    access = lines(folder / "access.jsonl.gz")
    good = access.filter(pl.col("status") == 200)["request_id"]
    failed = access.filter(pl.col("status") >= 500)["request_id"]

    assert failed.len() > 0
    assert not set(failed) & set(predictions["request_id"])
    assert set(predictions["request_id"]) < set(good)
    assert predictions.height / good.len() > 0.995


def test_a_repeated_question_comes_within_ten_minutes_with_the_same_features(predictions):
    item = ["user_id", *FEATURES]
    again = (
        predictions.sort("timestamp")
        .with_columns(before=pl.col("timestamp").shift().over(item))
        .filter(pl.col("timestamp") - pl.col("before") <= timedelta(minutes=10))
    )

    assert 0.015 < again.height / predictions.height < 0.025


def test_a_span_that_broke_is_the_last_of_its_request(folder):
    spans = pl.read_parquet(folder / "spans.parquet").sort("request_id", "timestamp")
    broken = spans.filter(pl.col("error").is_not_null())
    last = spans.group_by("request_id", maintain_order=True).last()
    broken_last = last.filter(pl.col("status") == 500)

    assert broken.height > 0
    assert set(broken["request_id"]) == set(broken_last["request_id"])


def test_nothing_is_written_into_a_folder_that_holds_something(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(UsageError, match="empty folder") as caught:
        demo.write(tmp_path)

    assert [f.name for f in tmp_path.iterdir()] == ["mine.txt"]
    assert caught.value.do


def test_a_file_is_no_folder_for_the_demo(tmp_path):
    (tmp_path / "file").write_text("mine")

    with pytest.raises(UsageError, match="this is a file"):
        demo.write(tmp_path / "file")


@pytest.mark.parametrize(("days", "rows"), [(7, 500), (14, 249)])
def test_a_demo_too_small_to_be_judged_is_refused(tmp_path, days, rows):
    with pytest.raises(UsageError, match=f"{days} days of {rows}"):
        demo.write(tmp_path / "new", days=days, rows=rows)

    assert not (tmp_path / "new").exists()
