"""How long a window is without configuration, on logs of every density."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from mlops_cli.logs.format import LogFile, Part
from mlops_cli.profile.spec import WindowSpec
from mlops_cli.profile.windows import choose_window

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def us(moment):
    return round(moment.timestamp()) * 1_000_000


def part(folder, name, times, kind="predictions"):
    """A file with one row group; `times` are its rows'."""
    path = folder / f"{name}.parquet"
    frame = pl.DataFrame({"t": times}, schema={"t": pl.Datetime("us", "UTC")})
    frame.write_parquet(path)
    told = [t for t in times if t is not None]
    ends = (min(told), max(told)) if told else (None, None)
    group = ((us(ends[0]), us(ends[1]), len(times)),) if told else ()
    source = LogFile(str(path), name, "parquet", kind, 0, name)
    return Part(str(path), kind, {"timestamp": "t"}, name, len(times), *ends, source, group)


def evenly(start, length, rows):
    return [start + length * i / rows for i in range(rows)]


def days(folder, count, rows, kind="predictions"):
    return [part(folder, f"{kind}{i:03d}", evenly(START + DAY * i, DAY, rows), kind) for i in range(count)]


def choose(parts, size="auto", zone="UTC"):
    return choose_window(parts, size, zone, 200).word


@pytest.mark.parametrize(
    ("count", "rows", "expected"),
    [
        (30, 2_000, "1d"),  # 30 windows of 2,000
        (14, 200, "1d"),  # just enough
        (14, 199, "1d"),  # a little thin: no length has 200 rows, and 1d gives 4 windows
        (13, 2_000, "1d"),  # too few days; hours have 83 rows
        (13, 4_800, "1h"),  # hours have 200
        (3, 2_000, "3h"),  # three days: 24 windows of 250
        (1, 2_000, "3h"),  # one day: hours of 83 rows; 8 windows of 250
        (1, 900, "6h"),  # 4 windows of 225
        (1, 700, "1h"),  # rows are too few whatever the length
    ],
)
def test_daily_files(tmp_path, count, rows, expected):
    assert choose(days(tmp_path, count, rows)) == expected


@pytest.mark.parametrize(
    ("length", "rows", "expected"),
    [
        (timedelta(hours=1), 30, "10min"),  # an hour of 30 requests: 6 windows of 5
        (timedelta(hours=1), 30_000, "1min"),
        (timedelta(minutes=20), 600, "1min"),
        (timedelta(minutes=5), 30_000, "10s"),
        (timedelta(seconds=45), 100, "10s"),
        (timedelta(seconds=20), 100, "all"),
        (DAY * 7, 10, "1d"),
    ],
)
def test_one_file(tmp_path, length, rows, expected):
    assert choose([part(tmp_path, "log", evenly(START, length, rows))]) == expected


def test_a_size_that_is_asked_for_is_taken(tmp_path):
    assert choose(days(tmp_path, 1, 10), "1h") == "1h"
    assert choose([], "7d") == "7d"


def test_without_times_the_whole_log_is_one_window(tmp_path):
    assert choose([part(tmp_path, "log", [None] * 50)]) == "all"
    assert choose([]) == "all"


def test_the_main_kind_of_log_decides(tmp_path):
    logs = [*days(tmp_path, 30, 3), *days(tmp_path, 30, 5_000, "spans")]

    assert choose(logs) == "1d"
    assert choose(days(tmp_path, 3, 5_000, "spans")) == "1h"


def test_days_without_traffic_do_not_count(tmp_path):
    logs = [p for i, p in enumerate(days(tmp_path, 30, 500)) if i % 7 < 5]

    assert choose(logs) == "1d"


@pytest.mark.parametrize("year", [1970, 9000])
def test_a_wrong_clock_in_one_row_changes_nothing(tmp_path, year):
    wrong = datetime(year, 1, 1, tzinfo=UTC)
    hour = [*evenly(START, timedelta(hours=1), 300), wrong]
    logs = days(tmp_path, 20, 2_000)
    logs[3] = part(tmp_path, "wrong", [*evenly(START + DAY * 3, DAY, 2_000), wrong])

    assert choose([part(tmp_path, "log", hour)]) == "10min"
    assert choose(logs) == "1d"


def test_a_day_is_one_of_the_time_zone(tmp_path):
    # In Tokyo these four evenings are one day each, in UTC they are eight.
    start = datetime(2026, 1, 5, 15, tzinfo=UTC)
    logs = [part(tmp_path, f"{i}", evenly(start + DAY * i, DAY, 150)) for i in range(4)]

    assert choose_window(logs[:3], "auto", "Asia/Tokyo", 200) == WindowSpec(3_600, "Asia/Tokyo")
    assert choose_window(logs[:3], "auto", "UTC", 200) == WindowSpec(86_400, "UTC")


def test_many_row_groups_are_not_read_again(tmp_path):
    whole = part(tmp_path, "log", evenly(START, DAY, 4_800))
    hours = tuple(
        (us(START) + h * 3_600_000_000, us(START) + (h + 1) * 3_600_000_000 - 1, 200) for h in range(24)
    )
    gone = Part(**{**whole.__dict__, "times": hours, "path": str(tmp_path / "gone.parquet")})

    assert choose([gone]) == "1h"
