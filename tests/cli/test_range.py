"""The judged range beyond the records, and records far from the rest."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mlops_cli import api

START = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def logs(tmp_path):
    """Eight days of 300 predictions."""
    return write(tmp_path, [START + timedelta(minutes=4.8 * i) for i in range(2_400)])


def write(folder, times):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {"timestamp": times, "amount": rng.random(len(times)), "prediction": rng.random(len(times)) < 0.3}
    )
    frame.write_parquet(folder / "log.parquet")
    return str(folder)


def test_a_range_after_all_records_has_volume_0_which_is_an_alarm_against_a_baseline(logs):
    report = api.monitor(logs, since="2026-03-20", window="1d", no_state=True)
    volume = next(f for f in report.judgement.findings if f.code == "volume")

    assert report.exit_code == 1
    assert (volume.value, volume.level.word) == (0, "alarm")
    assert volume.window.start == datetime(2026, 3, 20, tzinfo=UTC)
    assert report.details["monitor"]["judged"] == 1


def test_a_range_before_all_records_has_no_baseline_and_is_undecided(logs):
    assert api.monitor(logs, until="2026-02-01", window="1d", no_state=True).exit_code == 3


def test_rows_of_a_wrong_clock_make_no_windows_and_are_counted(tmp_path):
    odd = [datetime(1970, 1, 1, tzinfo=UTC)] * 100
    logs = write(tmp_path, odd + [START + timedelta(minutes=4.8 * i) for i in range(2_400)])
    report = api.monitor(logs, window="1d", no_state=True)

    assert report.details["monitor"]["windows"] == 8
    assert any("100 records have times far outside the rest" in note for note in report.notes)


def test_an_old_part_of_the_log_that_is_large_stays_in_it(tmp_path):
    old = [START - timedelta(days=3_000) + timedelta(minutes=4.8 * i) for i in range(1_200)]
    logs = write(tmp_path, old + [START + timedelta(minutes=4.8 * i) for i in range(2_400)])

    assert api.monitor(logs, window="7d", no_state=True).details["monitor"]["windows"] > 400
