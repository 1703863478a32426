"""The model's metrics from predictions and labels as they lie: late, missing, twice, contradictory, of each kind."""

import json
import os
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlops_cli.api import monitor

START = datetime(2026, 3, 1, tzinfo=UTC)
DATA = Path(os.environ.get("MLOPS_REFERENCE_DATA", "/nowhere"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="MLOPS_REFERENCE_DATA is not set")


def rows(days=20, each=400, seed=0, bad=(), late=lambda y, random: 3.0, keep=lambda y, s, random: True):
    """Predictions and labels; on `bad` days every score is turned around. `late` is a delay in hours."""
    random, predictions, labels = np.random.default_rng(seed), [], []
    for day in range(days):
        for i in range(each):
            name, at = f"{day}-{i}", START + timedelta(days=day, minutes=3 * i)
            s = float(random.beta(1, 2))
            y = bool(random.random() < s)
            said = 1 - s if day in bad else s
            predictions.append(
                {"request_id": name, "timestamp": at, "score": said, "prediction": said >= 0.5, "x": s}
            )
            if keep(y, s, random):
                due = at + timedelta(hours=late(y, random))
                labels.append({"request_id": name, "label": y, "label_time": due})
    return predictions, labels


def write(folder, predictions, labels):
    pl.DataFrame(predictions).write_parquet(folder / "predictions.parquet")
    pl.DataFrame(labels).write_parquet(folder / "labels.parquet")
    return folder


@cache
def judged(folder, _sizes, how):
    return monitor(folder, no_state=True, isolated=True, window="1d", **dict(how))


def series(folder, code, **how):
    """Rows of one metric by day of March: (value, level), and the report."""
    sizes = tuple(sorted((f.name, f.stat().st_mtime_ns) for f in folder.iterdir()))
    report = judged(
        folder, sizes, tuple(sorted((k, tuple(v) if isinstance(v, list) else v) for k, v in how.items()))
    )
    table = report.table("windows")
    out = {}
    for row in table.rows:
        one = dict(zip(table.columns, row, strict=False))
        if one["series"].split("/")[0] == code:
            out[int(one["window"][8:10])] = (one["value"], one["level"])
    return out, report


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return write(tmp_path_factory.mktemp("plain"), *rows(bad=(15, 16)))


def by_hand(folder, day):
    frame = pl.read_parquet(folder / "predictions.parquet").join(
        pl.read_parquet(folder / "labels.parquet"), on="request_id"
    )
    frame = frame.filter(pl.col("timestamp").dt.day() == day)
    p, y, s = (frame[c].to_numpy() for c in ("prediction", "label", "score"))
    order = s[y][:, None] - s[~y][None, :]
    tp, fp, fn = (p & y).sum(), (p & ~y).sum(), (~p & y).sum()
    return {
        "accuracy": (p == y).mean(),
        "precision": tp / (tp + fp),
        "recall": tp / (tp + fn),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "auc": ((order > 0) + 0.5 * (order == 0)).mean(),
        "brier": ((s - y) ** 2).mean(),
        "log-loss": -np.where(y, np.log(s), np.log(1 - s)).mean(),
        "calibration-gap": y.mean() - s.mean(),
        "label-coverage": 1.0,
    }


FIGURES = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "auc",
    "brier",
    "log-loss",
    "calibration-gap",
    "label-coverage",
)


# An AUC from 200 buckets differs from that of the rows by less than its intervals do.
@pytest.mark.parametrize("code", FIGURES)
def test_the_figures_are_those_of_the_rows(plain, code):
    found, _ = series(plain, code)

    assert found[12][0] == pytest.approx(by_hand(plain, 12)[code], abs=2e-3 if code == "auc" else 1e-6)


def test_bad_days_alarm_and_no_others(plain):
    found, _ = series(plain, "accuracy")

    assert {day for day, (_, level) in found.items() if level == "alarm"} == {16, 17}


def test_a_segment_has_its_own_figures(plain):
    _, report = series(plain, "accuracy")
    _, parted = series(plain, "accuracy", segment=["prediction"])

    names = {row[0] for row in parted.table("series").rows if str(row[0]).startswith("accuracy")}
    assert len(names) == 3
    assert {row[0] for row in report.table("series").rows if str(row[0]).startswith("accuracy")} < names


def test_labels_that_come_late_for_one_class_do_not_alarm(tmp_path):
    """Positives take up to five days, negatives an hour: young windows know nearly no positive."""
    late = lambda y, random: random.uniform(1, 120) if y else 1.0  # noqa: E731
    predictions, labels = rows(late=late)
    now = START + timedelta(days=20)
    known = [r for r in labels if r["label_time"] <= now]

    found, report = series(write(tmp_path, predictions, known), "accuracy", now="2026-03-21")

    assert {level for _, level in found.values()} <= {"ok", "unknown", None}
    assert not [f for f in report.judgement.findings if f.code in {"accuracy", "recall", "precision", "f1"}]


def test_a_window_whose_labels_are_not_due_is_unknown_and_estimated(tmp_path):
    late = lambda y, random: 50.0  # noqa: E731
    predictions, labels = rows(late=late)
    now = START + timedelta(days=20)
    folder = write(tmp_path, predictions, [r for r in labels if r["label_time"] <= now])

    truth, _ = series(folder, "auc", now="2026-03-21")
    guess, _ = series(folder, "estimated-auc", now="2026-03-21")

    assert truth[20] == (None, "unknown")
    assert guess[20][0] == pytest.approx(truth[10][0], abs=0.05)
    assert 5 not in {day for day, (value, _) in guess.items() if value is not None}


def test_repeated_labels_count_once_and_the_last_of_contradictory_ones_wins(tmp_path):
    predictions, labels = rows(days=8)
    wrong = [
        {**r, "label": not r["label"], "label_time": r["label_time"] - timedelta(hours=1)} for r in labels
    ]

    once, _ = series(write(tmp_path, predictions, labels), "accuracy")
    twice, report = series(write(tmp_path, predictions, [*labels, *labels, *wrong]), "accuracy")

    assert once == twice
    assert any("replaced by a later one" in n for n in report.notes)


def test_missing_labels_are_covered_less(tmp_path):
    keep = lambda y, s, random: random.random() < 0.6  # noqa: E731

    found, _ = series(write(tmp_path, *rows(days=8, keep=keep)), "label-coverage")

    assert found[7][0] == pytest.approx(0.6, abs=0.1)


def test_labels_without_a_time_are_counted_and_said_to_have_no_age(tmp_path):
    predictions, labels = rows(days=8)
    folder = write(tmp_path, predictions, [{k: v for k, v in r.items() if k != "label_time"} for r in labels])

    found, report = series(folder, "accuracy")

    assert found[7][0] == pytest.approx(by_hand(folder, 7)["accuracy"])
    assert any("do not say when they came" in n for n in report.notes)


def test_without_labels_every_figure_says_why(tmp_path):
    predictions, _ = rows(days=8)
    pl.DataFrame(predictions).write_parquet(tmp_path / "predictions.parquet")

    report = monitor(tmp_path, no_state=True, isolated=True, window="1d")

    told = {row[1]: row[4] for row in report.table("unknown").rows}
    assert told["accuracy"] == told["estimated-auc"] == "there is no label in these logs"


def test_few_positives_give_no_auc(tmp_path):
    keep = lambda y, s, random: not y or random.random() < 0.02  # noqa: E731

    found, report = series(write(tmp_path, *rows(days=8, keep=keep)), "auc")

    assert all(value is None for value, _ in found.values())
    assert "fewer than 20 positive" in json.dumps(report.to_dict()["tables"])


def test_of_three_classes_f1_is_their_mean(tmp_path):
    random = np.random.default_rng(1)
    predictions, labels = rows(days=8)
    for r, label in zip(predictions, labels, strict=True):
        truth = int(random.integers(0, 3))
        r["prediction"] = "abc"[truth if random.random() < 0.7 else int(random.integers(0, 3))]
        label["label"] = "abc"[truth]
        del r["score"]

    accuracy, _ = series(write(tmp_path, predictions, labels), "accuracy")
    f1, report = series(tmp_path, "f1")

    assert accuracy[7][0] == pytest.approx(0.8, abs=0.06)
    assert f1[7][0] == pytest.approx(accuracy[7][0], abs=0.03)
    assert "not of two classes" in json.dumps(report.to_dict()["tables"])


def test_quantities_have_errors_of_their_own(tmp_path):
    random = np.random.default_rng(1)
    predictions, labels = rows(days=12)
    for i, (r, label) in enumerate(zip(predictions, labels, strict=True)):
        truth = float(random.gamma(5, 20))
        r["prediction"] = truth + float(random.normal(0, 30 if i >= 10 * 400 else 10))
        label["label"] = truth
        del r["score"]
    folder = write(tmp_path, predictions, labels)
    frame = pl.DataFrame(predictions).join(pl.DataFrame(labels), on="request_id")
    frame = frame.filter(pl.col("timestamp").dt.day() == 9)
    e, y = (frame["prediction"] - frame["label"]).to_numpy(), frame["label"].to_numpy()

    for code, value in {
        "mae": abs(e).mean(),
        "rmse": np.sqrt((e**2).mean()),
        "mape": (abs(e) / y).mean(),
        "wape": abs(e).sum() / y.sum(),
    }.items():
        found, _ = series(folder, code)
        assert found[9][0] == pytest.approx(value, rel=1e-5)
    levels, _ = series(folder, "mae")
    assert {day for day, (_, level) in levels.items() if level == "alarm"} == {
        11
    }  # the labels of 12 are young


def test_shares_lie_between_none_and_all(plain):
    _, report = series(plain, "accuracy", segment=["prediction"])
    table = report.table("series")
    found = [dict(zip(table.columns, row, strict=False)) for row in table.rows]
    mine = {r["series"]: r for r in found if r["group"] == "model" and r["unit"] == "share"}
    values = [row[2] for row in report.table("windows").rows if row[0] in mine and row[2] is not None]

    assert {r["code"] for r in mine.values()} >= {"accuracy", "precision", "recall", "label-coverage"}
    assert len(values) > 100
    assert all(0 <= v <= 1 for v in values)


def test_a_cost_matrix_weighs_the_errors(plain):
    costs = ("labels.costs.true.false = 1.0", "labels.costs.false.true = 5.0")

    found, _ = series(plain, "mean-cost", config=costs)

    frame = pl.read_parquet(plain / "predictions.parquet").join(
        pl.read_parquet(plain / "labels.parquet"), on="request_id"
    )
    frame = frame.filter(pl.col("timestamp").dt.day() == 12)
    fp = (frame["prediction"] & ~frame["label"]).sum()
    fn = (~frame["prediction"] & frame["label"]).sum()
    assert found[12][0] == pytest.approx((fp + 5 * fn) / frame.height, rel=1e-5)


def test_a_protected_group_that_fares_worse_is_found_and_a_small_one_is_unknown(tmp_path):
    random = np.random.default_rng(2)
    predictions, labels = rows(days=12, each=600)
    for r in predictions:
        r["group"] = str(random.choice(["a", "b", "c"], p=[0.5, 0.48, 0.02]))
        if r["group"] == "b" and random.random() < 0.5:
            r["prediction"] = not r["prediction"]
    folder = write(tmp_path, predictions, labels)
    config = ('segments.protected = ["group"]',)

    _, report = series(folder, "parity-ratio", config=config)

    table = report.table("series")
    found = {r["series"]: r for r in (dict(zip(table.columns, row, strict=False)) for row in table.rows)}
    ratio = {s["segment"]: s for n, s in found.items() if n.startswith("parity-ratio")}
    assert ratio["group=b"]["worst"] == "alarm"
    assert any(
        "parity-ratio" in row and "fewer than 30 labelled" in str(row) for row in report.table("unknown").rows
    )
    assert {s["worst"] for n, s in found.items() if n.startswith("error-gap") and "=b" in n} == {"alarm"}


@needs_data
def test_realised_performance_is_that_of_nannyml(tmp_path):
    """Ten windows of 5,000 rows of the car loans, against NannyML's figures of the same rows."""
    oracle = json.loads((DATA / "oracles" / "monitoring_oracles.json").read_text())["datasets"]["car_loan"]
    frame = pl.read_parquet(DATA / "data" / "monitoring" / "car_loan.parquet").filter(
        pl.col("period") == "analysis"
    )
    day = pl.int_range(pl.len()) // 5_000
    frame = frame.with_columns(
        request_id=pl.int_range(pl.len()).cast(pl.String), timestamp=pl.lit(START) + pl.duration(days=day)
    )
    frame.select("request_id", "timestamp", score="y_pred_proba", prediction="y_pred").write_parquet(
        tmp_path / "predictions.parquet"
    )
    frame.select("request_id", label="repaid").write_parquet(tmp_path / "labels.parquet")
    theirs = oracle["nannyml"]["PerformanceCalculator"]

    for code, name, near in (("accuracy", "accuracy", 1e-9), ("f1", "f1", 1e-9), ("auc", "roc_auc", 1e-4)):
        found, _ = series(tmp_path, code)
        mine = [found[d][0] for d in range(1, 11)]
        np.testing.assert_allclose(mine, theirs[name]["value"][10:], atol=max(near, 1e-6))
