"""Where the whole log is one window, it begins with the first record."""

from datetime import UTC, datetime, timedelta

import polars as pl

from mlops_cli.api import monitor


def test_a_finding_of_the_whole_log_is_since_its_first_record(tmp_path):
    first = datetime(2026, 5, 1, 12, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "timestamp": [first + timedelta(milliseconds=i) for i in range(300)],
            "x": [float(i) for i in range(300)],
            "prediction": [None] * 100 + [1.0] * 200,
        }
    )
    frame.write_parquet(tmp_path / "log.parquet")

    report = monitor(tmp_path, no_state=True)

    assert report.details["monitor"]["window"] == "all"
    nulls = next(f for f in report.judgement.findings if f.code == "null-rate")
    assert nulls.since == nulls.window.start == first
