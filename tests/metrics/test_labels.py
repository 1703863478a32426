"""Labels through the command: late, missing, twice, contradictory, chosen, without score or time; what is said of each."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mlops_cli.api import monitor

START = datetime(2026, 3, 1, tzinfo=UTC)


def rows(days=16, each=600, seed=0, late=lambda y, random: 3.0, keep=lambda y, s, random: True):
    """Predictions and labels; `late` is a delay in hours, `keep` whether a row gets a label."""
    random, picking, predictions, labels = *map(np.random.default_rng, (seed, seed + 1)), [], []
    for day in range(days):
        for i in range(each):
            name, at = f"{day}-{i}", START + timedelta(days=day, minutes=2 * i)
            s = float(random.beta(1, 2))
            y = bool(random.random() < s)
            predictions.append({"request_id": name, "timestamp": at, "score": s, "prediction": s >= 0.5})
            if keep(y, s, picking):
                due = at + timedelta(hours=late(y, random))
                labels.append({"request_id": name, "label": y, "label_time": due})
    return predictions, labels


def told(folder, predictions, labels, **how):
    pl.DataFrame(predictions).write_parquet(folder / "predictions.parquet")
    pl.DataFrame(labels).write_parquet(folder / "labels.parquet")
    return monitor(folder, no_state=True, isolated=True, window="1d", **how)


def of(report, code):
    """Window number → (value, level) of the whole model."""
    table = report.table("windows")
    records = [dict(zip(table.columns, r, strict=True)) for r in table.rows]
    return {
        int(r["window"][8:10]): (r["value"], r["level"])
        for r in records
        if r["series"].split("/")[0] == code and r["series"].count("=") == 0
    }


def label_rows(report):
    table = report.table("labels")
    return [dict(zip(table.columns, r, strict=True)) for r in table.rows]


def reasons(report, code):
    table = report.table("unknown")
    return {r[table.columns.index("why")] for r in table.rows if r[table.columns.index("code")] == code}


def test_the_table_says_of_each_window_how_many_labels_it_has_will_have_and_when(tmp_path):
    late = lambda y, random: float(random.uniform(1, 5))  # noqa: E731
    keep = lambda y, s, random: random.random() < 0.8  # noqa: E731
    predictions, labels = rows(late=late, keep=keep)
    now = START + timedelta(days=16)

    report = told(tmp_path, predictions, [r for r in labels if r["label_time"] <= now], now="2026-03-17")

    first, *_, last = label_rows(report)
    assert first["label-coverage"] == first["expected-final"] == pytest.approx(0.8, abs=0.05)
    assert (first["mature"], first["rows"]) == (True, 600)
    assert (first["label-delay-p50"], first["label-delay-p90"]) == pytest.approx((3.5, 5.5), abs=0.5)
    assert (first["blind-share"], first["effective-share"]) == (None, None)
    assert "a window is mature 6 hours after its end" in report.table("labels").caption
    assert last["window"][:10] == "2026-03-16"


def test_a_delay_that_is_longer_than_the_logs_is_said_to_be(tmp_path):
    late = lambda y, random: float(random.uniform(0, 60 * 24))  # noqa: E731
    predictions, labels = rows(late=late)
    now = START + timedelta(days=16)

    report = told(tmp_path, predictions, [r for r in labels if r["label_time"] <= now], now="2026-03-17")

    first = label_rows(report)[0]
    assert (first["label-delay-p90"], first["expected-final"], first["mature"]) == (None, None, False)
    assert "label-delay-p90 longer than" in first["note"]
    assert "1 in 10 longer than" in report.table("labels").caption


def test_a_young_window_expects_the_labels_that_older_ones_got(tmp_path):
    late = lambda y, random: 2.0 if random.random() < 0.5 else 40.0  # noqa: E731
    predictions, labels = rows(late=late)
    now = START + timedelta(days=16, hours=7)

    report = told(
        tmp_path, predictions, [r for r in labels if r["label_time"] <= now], now="2026-03-17T07:00"
    )

    last = label_rows(report)[-1]
    assert 0.4 < last["label-coverage"] < 0.9
    assert last["expected-final"] == pytest.approx(1.0, abs=0.05)
    assert last["mature"] is False


def test_settle_waits_as_long_as_it_says(tmp_path):
    predictions, labels = rows()

    report = told(tmp_path, predictions, labels, config=('windows.settle = "5d"',), now="2026-03-17T06:00")

    known = [day for day, (value, _) in of(report, "accuracy").items() if value is not None]
    assert max(known) == 11
    assert reasons(report, "accuracy") >= {"its labels are not settled ([windows] settle)"}
    assert "windows are judged 5 days after their end" in report.table("labels").caption


def test_labels_without_a_time_have_no_age_and_settle_must_be_given(tmp_path):
    predictions, labels = rows()
    bare = [{k: v for k, v in r.items() if k != "label_time"} for r in labels]
    young = [r for r in bare if not (r["request_id"].startswith("15-") and r["label"])]

    report = told(tmp_path, predictions, young, now="2026-03-18")

    found = of(report, "accuracy")
    assert found[15][1] == "ok"
    assert found[16] == (None, "unknown")  # its positives are missing: nothing is said
    assert any("[windows] settle must be given" in why for why in reasons(report, "accuracy"))
    assert label_rows(report)[0]["mature"] is None
    assert "no delay, no equal age" in report.table("labels").caption
    assert any("do not say when they came" in n for n in report.notes)


def test_labels_without_a_time_are_judged_after_settle(tmp_path):
    predictions, labels = rows()
    bare = [{k: v for k, v in r.items() if k != "label_time"} for r in labels]

    report = told(tmp_path, predictions, bare, config=('windows.settle = "2d"',), now="2026-03-17T06:00")

    assert of(report, "accuracy")[14][1] == "ok"
    assert of(report, "accuracy")[16] == (None, "unknown")


def test_of_contradictory_labels_the_last_one_counts_and_they_are_named(tmp_path):
    predictions, labels = rows(days=8)
    wrong = [
        {**r, "label": not r["label"], "label_time": r["label_time"] - timedelta(hours=1)}
        for r in labels[:100]
    ]

    once = told(tmp_path, predictions, labels)
    both = told(tmp_path, predictions, [*labels, *wrong])

    assert of(once, "accuracy") == of(both, "accuracy")
    assert any("contradict" in n and n.endswith(": 100") for n in both.notes)
    assert not any("contradict" in n for n in once.notes)


def test_the_same_label_twice_is_no_contradiction(tmp_path):
    predictions, labels = rows(days=8)

    report = told(tmp_path, predictions, [*labels, *labels[:50]])

    assert any("replaced by a later one" in n and n.endswith(": 50") for n in report.notes)
    assert not any("contradict" in n for n in report.notes)


def test_labels_without_a_score_give_what_predictions_alone_can(tmp_path):
    predictions, labels = rows()
    for r in predictions:
        del r["score"]

    report = told(tmp_path, predictions, labels)

    assert of(report, "accuracy")[12][0] == pytest.approx(0.7, abs=0.1)
    assert reasons(report, "auc") == {"there is no score in [0, 1] beside labels of two classes"}


def choosing(y, s, random):
    """Mostly high scores are labelled."""
    return random.random() < 0.1 + 0.8 * s


def test_labels_that_were_chosen_are_warned_of_and_weighed(tmp_path):
    predictions, labels = rows(each=2000, days=10, keep=choosing)
    y = {r["request_id"]: r["label"] for r in rows(each=2000, days=10)[1]}

    report = told(tmp_path, predictions, labels)

    frame = pl.DataFrame(predictions).with_columns(pl.col("request_id").replace_strict(y).alias("label"))
    truth = frame.filter(pl.col("timestamp").dt.day() == 8).select(
        (pl.col("prediction") == pl.col("label")).mean()
    )
    naive = frame.filter(pl.col("request_id").is_in([r["request_id"] for r in labels]))
    naive = naive.select((pl.col("prediction") == pl.col("label")).mean()).item()
    found = {f.scope.field: f for f in report.judgement.findings if f.code == "label-selection"}
    weighed = np.mean([v for v, _ in of(report, "accuracy").values() if v is not None])
    assert {f.level.word for f in found.values()} == {"warning"}
    assert set(found) == {"score", "prediction"}
    assert abs(weighed - truth.item()) < abs(naive - truth.item()) / 2
    row = label_rows(report)[5]
    assert row["blind-share"] < 0.05
    assert 0.3 < row["effective-share"] < 1
    assert "post-stratified by score and prediction" in report.table("labels").caption


def test_rows_that_are_like_none_with_a_label_make_the_figures_unknown(tmp_path):
    keep = lambda y, s, random: s > 0.3  # noqa: E731

    report = told(tmp_path, *rows(each=1000, days=10, keep=keep))

    assert {value for value, _ in of(report, "accuracy").values()} == {None}
    why = next(iter(reasons(report, "accuracy") - {"its labels are not due yet"}))
    assert "blind-share" in why
    assert "it lies between" in why


def test_labels_that_fall_on_any_row_are_not_weighed(tmp_path):
    keep = lambda y, s, random: random.random() < 0.3  # noqa: E731

    report = told(tmp_path, *rows(each=1000, days=10, keep=keep))

    assert label_rows(report)[3]["blind-share"] is None
    assert not [f for f in report.judgement.findings if f.code == "label-selection"]


def test_a_log_that_is_one_window_is_judged_whatever_the_age_of_its_rows(tmp_path):
    predictions, labels = rows(days=1, each=300)
    predictions = [{**r, "timestamp": START} for r in predictions]
    pl.DataFrame(predictions).write_parquet(tmp_path / "predictions.parquet")
    pl.DataFrame(labels).write_parquet(tmp_path / "labels.parquet")

    report = monitor(tmp_path, no_state=True, isolated=True)

    table = report.table("series")
    value = {r[table.columns.index("code")]: r[table.columns.index("value")] for r in table.rows}
    assert value["accuracy"] == pytest.approx(0.7, abs=0.1)
