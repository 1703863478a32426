"""What fixed and relative lines promise where nothing changed, and what segments' half of the budget costs.

Measured, a month of hourly windows, 40 rates, lines at +2pp and +5pp: at 3 % and 250 rows Holm at 0.05 a window
gives 11 false warnings and 2 alarms, the budget by runs 3 and 0; at 10 % and 250 rows (a line within the noise)
29 alarms against 2; at 3 % and 1,000 rows 22 warnings against 4. The promise is 12 warnings and one alarm.
"""

import numpy as np
import polars as pl
import pytest
from scipy import stats  # noqa: TID251 - the oracle

from mlops_cli.config.settings import Line
from mlops_cli.judge.adaptive import Promised
from mlops_cli.judge.fleet import confirm
from mlops_cli.judge.judge import History, Judged, judge
from mlops_cli.metrics.metric import MEASUREMENT
from mlops_cli.result.finding import Level

HOUR = 3_600_000_000
MONTH = 730


def measured(rng, series, n, rate, baseline_rows):
    """Rates of `series` fields in every hour of a month, drawn from the baseline's law."""
    base = rng.binomial(baseline_rows, rate, series)
    k = rng.binomial(n, rate, (series, MONTH))
    rows = series * MONTH
    field = np.repeat([f"f{s:02}" for s in range(series)], MONTH)
    return pl.DataFrame(
        {
            "code": ["missing-rate"] * rows,
            "group": ["input"] * rows,
            **{name: [""] * rows for name in ("model", "component", "arm", "segment")},
            "field": field,
            "window": np.tile(np.arange(MONTH) * HOUR, series),
            "value": (k / n).ravel(),
            "n": [n] * rows,
            "reference": np.repeat(base / baseline_rows, MONTH),
            "test": ["proportion"] * rows,
            "a": k.ravel().astype(float),
            "b": np.repeat(base, MONTH).astype(float),
            "c": [float(baseline_rows)] * rows,
            **dict.fromkeys(("size", "low", "high"), [None] * rows),
            **dict.fromkeys(("why", "note"), [None] * rows),
        },
        schema=MEASUREMENT,
    )


def alarms(frame, line, history):
    starts = tuple(h * HOUR for h in range(MONTH))
    ends = {s: s + HOUR for s in starts}
    how = {("input", "missing-rate"): Judged(Line.model_validate(line), "up", "share", "")}
    found = judge(frame, how, starts, ends, frozenset(), 200, history).frame
    return {level: int((found["level"] == int(level)).sum()) for level in (Level.WARNING, Level.ALARM)}


def promised():
    starts = tuple(h * HOUR for h in range(MONTH))
    return Promised(starts, tuple(s + HOUR for s in starts), 365.25 / 12, 365.25)


@pytest.mark.slow
def test_relative_lines_near_the_noise_keep_the_promise_of_the_run():
    rng = np.random.default_rng(31)
    frame = measured(rng, 40, 250, 0.03, 3_000)
    line = {"warn": "+2pp", "alarm": "+5pp"}
    each = alarms(frame, line, None)
    budget = alarms(frame, line, History((), promised()))

    assert budget[Level.ALARM] <= stats.poisson.ppf(1 - 1e-6, 1)
    assert budget[Level.WARNING] <= stats.poisson.ppf(1 - 1e-6, 12)
    assert each[Level.WARNING] > 2 * max(budget[Level.WARNING], 1)


@pytest.mark.slow
def test_segments_take_their_half_of_the_budget():
    """500 series, 400 of them segments: false alarms of a month over both families together."""
    rng = np.random.default_rng(32)
    months, false = 4, 0
    for _ in range(months):
        p = rng.random((500, MONTH))
        family = np.arange(500) >= 100
        seen = confirm(p, np.ones(p.shape), np.full(p.shape, int(Level.ALARM)), family, float(MONTH))
        false += int(seen.jump.sum())

    assert false <= stats.poisson.ppf(1 - 1e-6, 0.5 * months)
