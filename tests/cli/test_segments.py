"""A fault in a small segment is found and named as that segment's."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mlops_cli import api
from mlops_cli.result.finding import Level

START = datetime(2026, 1, 1, tzinfo=UTC)
PLACES = ("north", "south", "east", "small")
SHARES = (0.5, 0.3, 0.18, 0.02)
DAYS, ROWS = 10, 15_000


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """On the last day a third of the `weight` of 2 % of the traffic is missing."""
    folder = tmp_path_factory.mktemp("segments")
    rng = np.random.default_rng(1)
    for day in range(DAYS):
        place = rng.choice(PLACES, ROWS, p=SHARES)
        broken = (place == "small") & (rng.random(ROWS) < (0.33 if day == DAYS - 1 else 0.0))
        lost = broken | (rng.random(ROWS) < 0.01)
        pl.DataFrame(
            {
                "request_id": [f"{day}-{i}" for i in range(ROWS)],
                "timestamp": [START + timedelta(days=day, seconds=5.7 * i) for i in range(ROWS)],
                "place": place,
                "weight": [None if gone else v for gone, v in zip(lost, rng.gamma(2, 3, ROWS), strict=True)],
                "prediction": rng.random(ROWS) < 0.3,
            }
        ).write_parquet(folder / f"{day:02}.parquet")
    return folder


def test_a_fault_in_two_percent_of_the_traffic_is_named_as_its_segments(logs):
    report = api.monitor(logs, segment=["place"], window="1d", isolated=True, no_state=True)
    found = [(f.code, f.scope.segment, f.scope.field, f.level) for f in report.judgement.findings]

    assert ("missing-rate", (("place", "small"),), "weight", Level.ALARM) in found
    assert {f[1] for f in found} == {(("place", "small"),)}


def test_without_segments_it_is_not_seen(logs):
    report = api.monitor(logs, window="1d", isolated=True, no_state=True)

    assert report.judgement.findings == ()
