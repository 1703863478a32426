"""What is planted in the sample logs is found in its first window, and no clean day alarms."""

from pathlib import Path

import pytest

from mlops_cli.api import monitor

LOGS = Path(__file__).parents[2] / "sample_logs"
# Series → days of October on which it must be an alarm (a warning where it says so).
ALARMS = {
    "missing-rate/////carrier": {12, 13},
    "drift/////distance": {15, 16},
    "out-of-range/////distance": {15, 16},
    "latency-p50//featurize///": {18, 19},
    "latency-p95//featurize///": {18, 19},
    "latency-p99//featurize///": {18, 19},
    "volume/////": {21},
    "drift/////score": {23, 24},
    "drift/////prediction": {23, 24},
    "score-mean/////score": {23, 24},
    "accuracy/////": {23, 24},
    "precision/////": {23, 24},
    "f1/////": {23, 24},
    "brier/////": {23, 24},
    "log-loss/////": {23, 24},
    "calibration-gap/////": {23, 24},
}
WARNINGS = {"missing-rate/////dep_delay": {29, 30}, "latency-p50/////": {18, 19}, "drift/////score": {15, 16}}
CLEARING = 4  # windows in which an adaptive line waits before it says that an incident is over


@pytest.fixture(scope="module")
def report():
    return monitor(LOGS, no_state=True)


@pytest.fixture(scope="module")
def levels(report):
    """Level → series → days."""
    table = report.table("windows")
    at = {name: i for i, name in enumerate(table.columns)}
    out = {"alarm": {}, "warning": {}}
    for row in table.rows:
        if row[at["level"]] in out:
            day = int(row[at["window"]][8:10])
            out[row[at["level"]]].setdefault(row[at["series"]], set()).add(day)
    return out


def test_the_month_passes_with_one_open_warning(report):
    held = [f for f in report.judgement.findings if f.status.value == "open"]

    assert report.exit_code == 0
    assert [f.id for f in held] == ["missing-rate/////dep_delay"]


def test_alarms_are_on_the_planted_days_and_nowhere_else(levels):
    assert levels["alarm"] == ALARMS


@pytest.mark.parametrize("series", WARNINGS)
def test_what_is_smaller_warns_from_its_first_day(levels, series):
    assert levels["warning"][series] >= WARNINGS[series]


def test_a_warning_on_a_clean_day_is_an_incident_that_was_not_over_yet(levels):
    for series, days in levels["warning"].items():
        planted = ALARMS.get(series, set()) | WARNINGS.get(series, set())
        planted |= {18, 19} if series.startswith("latency") else set()
        assert all(any(0 <= day - p <= CLEARING for p in planted) for day in days), (series, days)


def test_an_earlier_day_fails_the_gate():
    assert monitor(LOGS, until="2026-10-24", no_state=True).exit_code == 1
