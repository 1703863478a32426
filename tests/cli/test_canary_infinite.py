"""An infinite latency is no latency: it is left out, and ends no run."""

from datetime import UTC, datetime, timedelta

import polars as pl

from mlops_cli.api import Arms, canary


def test_infinite_latencies_end_no_canary(tmp_path):
    n, start = 4_000, datetime(2026, 5, 1, tzinfo=UTC)
    latency = [float("inf") if i % 50 == 0 else 10.0 + i % 7 for i in range(n)]
    pl.DataFrame(
        {
            "request_id": [str(i) for i in range(n)],
            "timestamp": [start + timedelta(seconds=30 * i) for i in range(n)],
            "model_version": ["v2" if i % 5 == 0 else "v1" for i in range(n)],
            "latency_ms": latency,
            "prediction": [1.0] * n,
            "x": [float(i % 13) for i in range(n)],
        }
    ).write_parquet(tmp_path / "log.parquet")

    report = canary(tmp_path, arms=Arms(control="v1", treatment="v2"), no_state=True)

    assert report.exit_code in (0, 3)
    assert report.details["rollout"]
