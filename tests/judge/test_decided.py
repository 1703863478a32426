from datetime import UTC, datetime

import polars as pl
import pytest

from mlops_cli.errors import UsageError
from mlops_cli.judge.decided import decided, names, rebased, shifts
from mlops_cli.judge.say import SERIES
from mlops_cli.ledger.decisions import Decisions

DAY = 86_400_000_000


@pytest.mark.parametrize(
    ("pattern", "series", "expected"),
    [
        ("volume", "volume/m///", True),
        ("volume", "volume-x/m///", False),
        ("drift/////a", "drift/////a", True),
        ("drift/////a", "drift/////b", False),
        ("drift/*/a", "drift/m////a", True),
        ("*", "anything/////", True),
    ],
)
def test_a_pattern_names_a_series_by_code_id_or_star(pattern, series, expected):
    assert names(pattern, series) == expected


def test_times_may_be_dates_texts_or_times():
    found = decided(
        Decisions({"accept": ({"id": "x", "since": "2026-01-02", "at": datetime(2026, 1, 3, tzinfo=UTC)},)})
    )

    assert (found.accepted[0].start, found.accepted[0].at) == (20_455 * DAY, 20_456 * DAY)


def test_an_entry_without_its_time_is_an_error_that_names_it():
    with pytest.raises(UsageError, match="since is no time") as error:
        decided(Decisions({"accept": ({"id": "x"},)}))

    assert "[[accept]] of x" in error.value.where


def frame(code, values, sizes=None):
    keys = dict.fromkeys(SERIES, "") | {"code": code}
    return pl.DataFrame(
        {
            **{k: [v] * len(values) for k, v in keys.items()},
            "window": [i * DAY for i in range(len(values))],
            "value": values,
            "size": pl.Series(sizes or [None] * len(values), dtype=pl.Float64),
            "reference": [1.0] * len(values),
        }
    )


def test_an_accepted_level_is_the_reference_from_then_on():
    rows = frame("volume", [1.0, 1.0, 2.0, 2.2, 2.1])
    found = rebased(
        rows,
        shifts(
            decided(
                Decisions({"accept": ({"id": "volume", "since": "1970-01-03", "at": "1970-01-05"},)})
            ).accepted,
            ["volume/////"],
        ),
    )

    assert found["reference"].to_list() == [1.0, 1.0, 2.1, 2.1, 2.1]


def test_an_accepted_distance_is_measured_from_its_accepted_size():
    rows = frame("drift", [0.0, 0.3, 0.3, 0.3], [0.0, 0.3, 0.32, 0.3])
    found = rebased(rows, {"drift/////": [(4 * DAY, DAY)]})

    assert found["size"].round(6).to_list() == [0.0, 0.0, 0.02, 0.0]
