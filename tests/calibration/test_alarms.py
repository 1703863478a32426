"""What adaptive lines promise, on series without a fault; and that faults are found, on the worlds of the bench.

Measured (`tests/bench/alarms_bench.py`): 0.68 false alarms a metric-year on daily series, 2.1 on the worst
(heavy tails), 0.38 on hourly ones; the promise is 1, the spec's bar for heavy tails 2.1.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats  # noqa: TID251 - the oracle

from mlops_cli.judge.fleet import confirm
from mlops_cli.stats.watch import watch
from mlops_cli.stats.watched import ALARM, WARNING, promise

BENCH = Path(__file__).parents[1] / "bench"
GAP = 2


def load(name):
    spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


worlds = load("alarm_worlds")


def incidents(flags, warm, gap=GAP):
    total = 0
    for own in flags:
        at = np.flatnonzero(own[warm:])
        total += int((np.diff(at, prepend=-(10**9)) > gap).sum())
    return total


def allowed(rate, years):
    """The most false alarms that chance gives at this rate, but for once in a million."""
    return stats.poisson.ppf(1 - 1e-6, rate * years)


@pytest.mark.slow
@pytest.mark.parametrize("name", worlds.KINDS)
def test_daily_series_alarm_falsely_once_a_year_at_most(name):
    series, warm = 40, 56
    made = worlds.world(name, [[21, s] for s in range(series)], warm + 365, 1)
    seen = watch(made.batch(), promise(1, warmup=warm))
    bar = 2.1 if name == "gauge t3" else 1.0

    assert incidents(seen.level == ALARM, warm) <= allowed(bar, series)
    assert incidents(seen.level >= WARNING, warm) <= allowed(12, series)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["rate overdispersed", "count seasonal", "mean ar.7", "p99 seasonal", "gauge ar.95"]
)
def test_hourly_series_alarm_falsely_once_a_year_at_most(name):
    series, warm = 6, 28 * 24
    made = worlds.world(name, [[22, s] for s in range(series)], warm + 180 * 24, 24)
    seen = watch(made.batch(), promise(24, warmup=warm))

    assert incidents(seen.level == ALARM, warm, 6) <= allowed(1.25, series / 2)


@pytest.mark.slow
def test_many_series_together_keep_the_promise_of_a_month():
    series, warm, months = 200, 56, 12
    parts = [worlds.world(n, [[23, s] for s in range(series // 10)], warm + 365, 1) for n in worlds.KINDS]
    seen = [watch(made.batch(), promise(1, warmup=warm)) for made in parts]
    own, p, running = (np.concatenate([getattr(w, k) for w in seen]) for k in ("level", "p", "running"))
    fleet = confirm(p, running, own, np.zeros(series, bool), 365.25 / 12)
    false = incidents(((own == ALARM) & (fleet.jump | fleet.drift)), warm)

    # Heavy tails exceed their own line's promise (2.1 against 1): the fleet's is held with that factor.
    assert false <= allowed(2.1, months)


def test_a_jump_of_a_third_in_volume_is_found_in_its_first_windows():
    made = worlds.world("count seasonal", [[24, s] for s in range(8)], 56 + 60, 1, "jump", -0.35, 80)
    seen = watch(made.batch(), promise(1, warmup=56))
    first = [int(np.flatnonzero(own[80:] == ALARM)[0]) for own in seen.level]

    assert max(first) <= 1


def test_few_series_without_a_fault_are_quiet():
    made = worlds.world("mean", [[25, s] for s in range(10)], 56 + 180, 1)
    seen = watch(made.batch(), promise(1, warmup=56))

    assert incidents(seen.level == ALARM, 56) <= allowed(1.0, 5)
