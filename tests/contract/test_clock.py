"""What follows the clock is no finding: nights, weekends, and the hour that daylight saving takes or gives."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from mlops_cli import api

BERLIN = ZoneInfo("Europe/Berlin")
VOLUME = {"volume", "throughput"}


def logs(folder, start, days, rate):
    """Predictions of `rate(local time)` an hour, at random moments of it."""
    rng = np.random.default_rng(7)
    hours = [start + timedelta(hours=h) for h in range(24 * days)]
    counts = rng.poisson([rate(h.astimezone(BERLIN)) for h in hours])
    times = [
        h + timedelta(seconds=float(s))
        for h, n in zip(hours, counts, strict=True)
        for s in rng.random(n) * 3_600
    ]
    size = len(times)
    pl.DataFrame({"timestamp": times, "amount": rng.random(size), "prediction": rng.random(size) < 0.3}).sort(
        "timestamp"
    ).write_parquet(folder / "log.parquet")
    return str(folder)


def told(report):
    return [(f.code, f.level.word) for f in report.judgement.findings if f.code in VOLUME]


def by_day(at):
    """Nights have a thirtieth of the day."""
    return 155 + 145 * np.sin((at.hour - 6) / 12 * np.pi)


@pytest.mark.parametrize("start", [datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 10, 4, tzinfo=UTC)])
def test_nights_and_the_changes_of_daylight_saving_are_no_finding(tmp_path, start):
    report = api.monitor(
        logs(tmp_path, start, 30, by_day),
        window="1h",
        config=['project.timezone="Europe/Berlin"'],
        no_state=True,
    )

    assert report.details["monitor"]["baseline"].startswith("the first 216 windows")  # nine days
    assert [t for t in told(report) if t[1] == "alarm"] == []
    assert len(told(report)) <= 1


def test_a_night_without_any_row_is_found_where_nights_are_thin(tmp_path):
    start = datetime(2026, 10, 4, tzinfo=UTC)

    def broken(at):
        return 0 if (at.month, at.day, at.hour) >= (11, 1, 8) else by_day(at)

    report = api.monitor(
        logs(tmp_path, start, 30, broken),
        window="1h",
        config=['project.timezone="Europe/Berlin"'],
        no_state=True,
        now="2026-11-01T14:00",
    )

    assert ("volume", "alarm") in told(report)


def test_weekends_are_no_finding_once_the_baseline_has_two_of_them(tmp_path):
    report = api.monitor(
        logs(tmp_path, datetime(2026, 1, 5, tzinfo=UTC), 49, lambda at: 40 if at.weekday() < 5 else 6),
        window="1d",
        no_state=True,
    )

    assert [t for t in told(report) if t[0] == "volume" or t[1] == "alarm"] == []
