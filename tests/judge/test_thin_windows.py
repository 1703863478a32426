"""Adaptive lines in windows of few rows, and which of their two lines is shown."""

import numpy as np
import polars as pl
import pytest

from mlops_cli.config.settings import Line
from mlops_cli.judge.adaptive import Adaptive, Promised, groups
from mlops_cli.judge.judge import History, Judged, judge
from mlops_cli.metrics.metric import MEASUREMENT
from mlops_cli.result.finding import Level

DAY = 86_400_000_000
DAYS = 90
KEY = ("input", "drift")


def outcome(rows_a_day, last):
    rng = np.random.default_rng(51)
    size = np.append(rng.normal(0, 0.01, DAYS - 1), last)
    frame = pl.DataFrame(
        {
            "code": ["drift"] * DAYS,
            "group": ["input"] * DAYS,
            **{name: [""] * DAYS for name in ("model", "component", "arm", "segment")},
            "field": ["age"] * DAYS,
            "window": np.arange(DAYS) * DAY,
            "value": np.abs(size),
            "size": size,
            "n": [rows_a_day] * DAYS,
            "test": ["chi2"] * DAYS,
            "a": [1.0] * DAYS,
            "b": [9.0] * DAYS,
            **dict.fromkeys(("reference", "c", "low", "high", "why", "note"), [None] * DAYS),
        },
        schema=MEASUREMENT,
    )
    starts = tuple(d * DAY for d in range(DAYS))
    ends = {s: s + DAY for s in starts}
    adaptive = Adaptive(Level.WARNING, asked=True, direction="up", unit="", min_effect=0.01)
    promised = Promised(starts, tuple(ends.values()), 30.0, 365.25)
    seen = groups(frame, {KEY: adaptive}, promised, {})
    how = {KEY: Judged(Line(), "up", "", "", adaptive=adaptive)}
    return judge(frame, how, starts, ends, frozenset(), 200, History(seen, promised))


def test_a_window_of_few_rows_gives_no_adaptive_warning():
    thin, full = (outcome(n, 0.2).frame["level"].to_list()[-1] for n in (60, 1_000))

    assert thin == int(Level.UNKNOWN)
    assert full == int(Level.WARNING)


@pytest.mark.parametrize("last", [-0.02, 0.2])
def test_a_metric_that_is_bad_upward_shows_its_upper_line(last):
    row = outcome(1_000, last).frame.row(-1, named=True)

    assert row["threshold"] == row["a_high"] > 0
