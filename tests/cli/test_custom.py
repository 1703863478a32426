"""Custom metrics from `mlops.toml` to findings."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mlops_cli import api
from mlops_cli.errors import UsageError
from mlops_cli.result.finding import Level

DAY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Twelve days of 300 predictions, two files a day; the last day's scores are doubtful."""
    folder = tmp_path_factory.mktemp("custom")
    rng = np.random.default_rng(1)
    for day in range(12):
        score = rng.uniform(0.35, 0.65, 300) if day == 11 else rng.beta(0.4, 0.4, 300)
        rows = pl.DataFrame(
            {
                "request_id": [f"{day}-{i}" for i in range(300)],
                "timestamp": [DAY + timedelta(days=day, minutes=4.7 * i) for i in range(300)],
                "score": score,
                "prediction": score > 0.5,
                "amount": rng.integers(1, 100, 300),
            }
        )
        for half in (0, 1):
            rows[half::2].write_parquet(folder / f"{day:02}-{half}.parquet")
    return folder


def run(logs, name="x", **own):
    lines = [f"metrics.custom.{name}.{key} = {value!r}".replace("'", '"') for key, value in own.items()]
    return api.monitor(logs, config=lines, isolated=False, no_state=True)


def values(report, code="x"):
    table = report.table("windows")
    series, value = table.columns.index("series"), table.columns.index("value")
    return [r[value] for r in table.rows if r[series].split("/")[0] == code]


def rows(logs):
    return pl.read_parquet(logs / "*.parquet").sort("timestamp")


def by_day(logs, expression):
    return (
        rows(logs)
        .group_by(pl.col("timestamp").dt.date())
        .agg(expression.alias("it"))
        .sort("timestamp")["it"]
        .to_list()
    )


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("SUM(amount) / COUNT(*)", pl.col("amount").sum() / pl.len()),
        ("AVG(amount)", pl.col("amount").mean()),
        ("MAX(amount) - MIN(amount)", pl.col("amount").max() - pl.col("amount").min()),
        ("COUNT(amount) * 2 + 1", pl.len() * 2 + 1),
        (
            "AVG(CASE WHEN amount > 50 AND prediction THEN 1.0 ELSE 0.0 END)",
            ((pl.col("amount") > 50) & pl.col("prediction")).mean(),
        ),
        ("SUM(ABS(score - 0.5))", (pl.col("score") - 0.5).abs().sum()),
    ],
)
def test_values_are_those_of_all_rows_however_they_lie_in_files(logs, expr, expected):
    got = values(run(logs, expr=expr))

    assert got == pytest.approx(by_day(logs, expected), rel=1e-5)


def test_a_share_has_its_evidence_and_its_lines_are_like_any_other(logs):
    report = run(logs, expr="AVG(CASE WHEN score BETWEEN 0.35 AND 0.65 THEN 1.0 ELSE 0.0 END)", alarm="+60%")
    (found,) = [f for f in report.judgement.findings if f.code == "x"]

    assert (found.level, found.group, report.exit_code) == (Level.ALARM, "output", 1)
    assert found.value == 1.0
    assert found.low > 0.98


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        ("AVG(scor)", "no log has the column 'scor'"),
        ("SUM(AVG(score))", "no aggregate"),
        ("SUM(score) + COUNT(nothing)", "no log has"),
    ],
)
def test_what_the_logs_cannot_give_is_an_error_with_the_nearest(logs, expr, said):
    with pytest.raises(UsageError, match=said):
        run(logs, expr=expr)


def test_a_column_of_another_kind_of_log_is_unknown(logs):
    report = run(logs, expr="AVG(queue_ms)")
    table = report.table("series")
    why = {r[table.columns.index("code")]: r[table.columns.index("why")] for r in table.rows}

    assert "lack a column" in why["x"]


@pytest.fixture(scope="module")
def labelled(logs, tmp_path_factory):
    """The same predictions, with the labels of nine in ten."""
    folder = tmp_path_factory.mktemp("labelled")
    rows(logs).write_parquet(folder / "predictions.parquet")
    known = (
        rows(logs)[:, :].with_columns(label=pl.col("score") > 0.4).filter(pl.int_range(pl.len()) % 10 != 0)
    )
    known.select("request_id", "label", label_time=pl.col("timestamp") + timedelta(hours=1)).write_parquet(
        folder / "labels.parquet"
    )
    return folder, known


def test_what_needs_labels_is_added_up_over_those_that_have_come(labelled):
    folder, known = labelled
    expr = "SUM(CASE WHEN label AND NOT prediction THEN 50.0 ELSE amount * 0.0 END) / COUNT(*)"
    got = values(run(folder, expr=expr, needs="label", group="model"))
    cost = pl.when(pl.col("label") & ~pl.col("prediction")).then(50.0).otherwise(0.0).mean().alias("it")
    expected = known.group_by(pl.col("timestamp").dt.date()).agg(cost).sort("timestamp")["it"].to_list()

    assert got == pytest.approx(expected, rel=1e-5)


def test_a_joined_expression_is_guarded_like_any_other(labelled):
    with pytest.raises(UsageError, match="no log has the column 'labell'"):
        run(labelled[0], expr="AVG(labell)", needs="label")
    with pytest.raises(UsageError, match="no aggregate"):
        run(labelled[0], expr="SUM(AVG(score))", needs="label")
