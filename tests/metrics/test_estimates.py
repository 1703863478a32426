"""Estimates as `monitor` shows them: of quantities, of classes, withdrawn with their reason, and their record."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mlops_cli.api import monitor

START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS, EACH = 16, 400


def world(kind, seed=0):
    """Rows of DAYS days; from day 12 on the field `x`, with which errors grow, lies higher."""
    random = np.random.default_rng(seed)
    n = DAYS * EACH
    day = np.arange(n) // EACH
    x = random.gamma(2.0, 1.0, n) * np.where(day >= 12, 1.4, 1.0)
    at = [START + timedelta(days=int(d), minutes=3 * (i % EACH)) for i, d in enumerate(day)]
    frame = {"request_id": [str(i) for i in range(n)], "timestamp": at, "x": x}
    if kind == "quantity":
        said = random.normal(50, 10, n)
        frame |= {"prediction": said, "label": said + random.normal(size=n) * x}
    if kind == "two":
        score = random.beta(1, 1, n) ** np.where(day >= 12, 0.7, 1.0)
        frame |= {"prediction": score >= 0.5, "score": score, "label": random.random(n) < score}
    if kind == "three":
        score = np.clip(random.beta(4, 2, n) ** np.where(day >= 12, 1.3, 1.0), 0.34, 1)
        said = random.integers(0, 3, n)
        label = np.where(random.random(n) < score, said, (said + random.integers(1, 3, n)) % 3)
        names = np.array(["ant", "bee", "cat"])
        frame |= {"prediction": names[said], "score": score, "label": names[label]}
    return pl.DataFrame(frame)


def judged(folder, frame, until=13, hours=24):
    """The report where labels have come, late by `hours`, up to the day `until`."""
    frame.drop("label").write_parquet(folder / "predictions.parquet")
    due = (pl.col("timestamp") + timedelta(hours=hours)).alias("label_time")
    known = frame.filter(pl.col("timestamp") < START + timedelta(days=until))
    known.select("request_id", "label", due).write_parquet(folder / "labels.parquet")
    return monitor(folder, no_state=True, isolated=True, window="1d", now="2026-03-17")


def record(report, metric):
    table = report.table("estimates")
    rows = [dict(zip(table.columns, r, strict=True)) for r in table.rows]
    return {int(r["window"][8:10]): r for r in rows if r["metric"] == metric and not r["segment"]}


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        ("quantity", "estimated-mae"),
        ("quantity", "estimated-rmse"),
        ("two", "estimated-auc"),
        ("three", "estimated-f1"),
    ],
)
def test_windows_without_labels_are_estimated_and_those_with_labels_recorded(tmp_path, kind, metric):
    found = record(judged(tmp_path, world(kind)), metric)
    open_ = [found[d] for d in (14, 15, 16)]
    known = [found[d] for d in (9, 10, 11, 12)]

    assert all(r["realised"] is None and r["low"] < r["estimate"] < r["high"] for r in open_)
    assert all(r["inside"] == (r["low"] <= r["realised"] <= r["high"]) for r in known)
    assert sum(r["inside"] for r in known) >= 3


def test_the_error_of_quantities_follows_its_field(tmp_path):
    frame = world("quantity")
    error = (frame["prediction"] - frame["label"]).abs()
    truth = error.filter(frame["timestamp"] >= START + timedelta(days=13)).mean()

    found = record(judged(tmp_path, frame), "estimated-mae")

    assert np.mean([found[d]["estimate"] for d in (14, 15, 16)]) == pytest.approx(truth, rel=0.08)


def test_without_fields_the_error_is_rough_and_never_alarms(tmp_path):
    report = judged(tmp_path, world("quantity").drop("x"))
    found = record(report, "estimated-mae")

    assert found[15]["way"] == "prediction only"
    assert found[15]["low"] is None
    assert not [f for f in report.judgement.findings if f.code == "estimated-mae" and f.level.word == "alarm"]


def test_the_record_is_one_line_with_what_was_assumed_and_last_confirmed(tmp_path):
    said = next(n for n in judged(tmp_path, world("two")).notes if n.startswith("estimates: "))

    assert "windows held" in said
    assert "assumes that the relation of inputs and label has not changed" in said
    assert "last confirmed by labels up to 2026-03-1" in said
    assert "unconfirmed" not in said


def test_without_labels_for_long_an_estimate_is_unconfirmed(tmp_path):
    report = judged(tmp_path, world("two"), until=9, hours=2)

    assert any("unconfirmed" in n for n in report.notes)


def why(report, code):
    table = report.table("unknown")
    rows = [dict(zip(table.columns, r, strict=True)) for r in table.rows]
    return " ".join(r["why"] for r in rows if r["code"] == code)


def test_another_version_of_the_model_withdraws_the_estimate(tmp_path):
    late = pl.col("timestamp") >= START + timedelta(days=13)
    frame = world("two").with_columns(
        model_version=pl.when(late).then(pl.lit("v2")).otherwise(pl.lit("v1")),
    )

    report = judged(tmp_path, frame)

    assert "(score-changed: 100% of the rows are of version v2" in why(report, "estimated-auc")
    assert record(report, "estimated-auc")[13]["withdrawn"] is None


@pytest.mark.parametrize("kind", ["two", "quantity"])
def test_a_field_with_new_values_withdraws_the_estimate_and_is_named(tmp_path, kind):
    late = pl.col("timestamp") >= START + timedelta(days=13)
    frame = world(kind).with_columns(x=pl.when(late).then(pl.col("x") + 100).otherwise("x"))
    code = "estimated-auc" if kind == "two" else "estimated-mae"

    assert "(no-support: 100% of the rows have values of x" in why(judged(tmp_path, frame), code)


def test_two_of_three_misses_withdraw_the_estimate(tmp_path):
    turned = pl.col("timestamp").is_between(START + timedelta(days=9), START + timedelta(days=13))
    frame = world("two").with_columns(label=pl.when(turned).then(~pl.col("label")).otherwise("label"))

    report = judged(tmp_path, frame)

    assert "(track-record: of the last 3 windows with labels" in why(report, "estimated-auc")
    assert not record(report, "estimated-auc")[12]["inside"]


def test_predictions_without_a_score_say_so(tmp_path):
    report = judged(tmp_path, world("two").drop("score"))

    assert "(no-score)" in why(report, "estimated-accuracy")


def test_a_short_baseline_is_too_small(tmp_path):
    frame = world("two").filter(pl.col("timestamp") < START + timedelta(days=5))
    report = judged(tmp_path, frame, until=4)

    assert "(reference-too-small" in why(report, "estimated-auc")


def test_an_alarm_asks_that_the_whole_band_is_beyond_the_line(tmp_path):
    lines = "[metrics.model]\nestimated-mae = { warn = %s, alarm = %s }\n"
    frame = world("quantity")
    found = record(judged(tmp_path, frame), "estimated-mae")[16]
    value, low = found["estimate"], found["low"]
    level = {}
    for name, line in (("within", (low + value) / 2), ("beyond", low * 0.98)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "mlops.toml").write_text(lines % (line, line), encoding="utf-8")
        frame.drop("label").write_parquet(folder / "predictions.parquet")
        (folder / "labels.parquet").write_bytes((tmp_path / "labels.parquet").read_bytes())
        report = monitor(
            folder, config=[str(folder / "mlops.toml")], no_state=True, window="1d", now="2026-03-17"
        )
        table = report.table("windows")
        rows = [dict(zip(table.columns, r, strict=False)) for r in table.rows]
        mine = [
            r
            for r in rows
            if r["series"].startswith("estimated-mae") and r["window"].startswith("2026-03-16")
        ]
        level[name] = mine[0]["level"]

    assert level == {"within": "warning", "beyond": "alarm"}


def test_what_was_learnt_is_kept_and_gives_the_same_again(tmp_path):
    judged(tmp_path, world("quantity"))
    (tmp_path / "mlops.toml").write_text("", encoding="utf-8")
    how = {"config": [str(tmp_path / "mlops.toml")], "window": "1d", "now": "2026-03-17"}

    first = record(monitor(tmp_path, **how), "estimated-mae")
    kept = {f: f.stat().st_mtime_ns for f in (tmp_path / ".mlops").rglob("learned-*.parquet")}
    again = record(monitor(tmp_path, **how), "estimated-mae")

    assert len(kept) == 4
    assert first == again
    assert kept == {f: f.stat().st_mtime_ns for f in kept}
