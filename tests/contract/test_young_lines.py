"""Many columns of noise and little history: lines that nobody asked for keep still."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from mlops_cli import api


def test_young_lines_of_a_distance_say_nothing_of_noise(tmp_path):
    rng = np.random.default_rng(0)
    n = 25 * 240
    times = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=3 * i) for i in range(n)]
    columns = {f"f{j:03d}": rng.random(n) for j in range(200)}
    pl.DataFrame({"timestamp": times, "prediction": rng.random(n) < 0.3, **columns}).write_parquet(
        tmp_path / "a.parquet"
    )
    report = api.monitor(tmp_path, window="12h", no_state=True)

    assert [
        f.id for f in report.judgement.findings if f.code == "drift" and f.rule.value in {"jump", "drift"}
    ] == []
    assert len([f for f in report.judgement.findings if f.status.value == "open"]) <= 2
