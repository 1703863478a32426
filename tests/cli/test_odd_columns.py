"""Columns of types and values that no model was trained on are read, or said; nothing breaks."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from mlops_cli.api import monitor
from mlops_cli.result.report import Report

START = datetime(2026, 1, 1, tzinfo=UTC)
N = 2_000


def frame() -> pl.DataFrame:
    at = pl.int_range(N, eager=True)
    return pl.DataFrame(
        {
            "timestamp": [START + timedelta(minutes=10 * i) for i in range(N)],
            "user_id": ("u" + (at % 50).cast(pl.String)),
            "amount": (at % 97).cast(pl.Float64),
            "prediction": at % 2 == 0,
        }
    )


def seen(rows: pl.DataFrame, folder) -> Report:
    rows.write_parquet(folder / "log.parquet")
    return monitor(folder, no_state=True)


@pytest.mark.parametrize(
    "odd",
    [
        pl.duration(seconds=pl.col("amount")),
        pl.lit(b"\x00\xff"),
        pl.col("timestamp").dt.time(),
        pl.concat_list("amount", "amount").list.to_array(2),
        pl.lit(None),
    ],
    ids=["duration", "bytes", "time of day", "array", "null"],
)
def test_a_feature_of_any_type_is_counted(tmp_path, odd):
    report = seen(frame().with_columns(odd.alias("odd")), tmp_path)

    assert report.sources[0].rows == N
    assert report.judgement.checked > 0
    assert any("odd" in row for table in report.tables for row in table.rows)


def test_a_log_of_nulls_alone_is_judged_on_its_nulls(tmp_path):
    rows = frame().select("timestamp", *[pl.lit(None).alias(n) for n in ("user_id", "amount", "prediction")])

    report = seen(rows, tmp_path)

    assert report.sources[0].rows == N
    assert report.exit_code in {1, 3}


def test_wrong_clocks_on_both_sides_make_no_windows(tmp_path):
    at, time = pl.int_range(N), pl.col("timestamp")
    rows = frame().with_columns(
        pl.when(at == 5).then(time - timedelta(days=365 * 100))
        .when(at == 7).then(time + timedelta(days=365 * 150))
        .otherwise(time)
    )  # fmt: skip

    report = seen(rows, tmp_path)

    assert report.now == START + timedelta(minutes=10 * (N - 1))
    assert report.judgement.checked < 5_000
