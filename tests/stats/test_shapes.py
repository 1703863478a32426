"""How things move: each world its class, and no class without a cause."""

import numpy as np
import pytest

from mlops_cli.stats.shapes import Rules, by_lag, pace
from mlops_cli.stats.templates import shapes

QUICK = Rules(shuffles=199)


def counts(mu, n=2000, cells=24, seed=0):
    random = np.random.default_rng(seed)
    x = (np.arange(cells) - cells / 2 + 0.5) / cells * 5
    shares = [np.exp(-((x - m) ** 2) / 2) for m in mu]
    return np.array([random.multinomial(n, s / s.sum()) for s in shares])


T = np.arange(20)
WORLDS = {
    "still": 0 * T,
    "slow": 0.35 * T / 19,
    "shock": 0.4 * (T >= 12),
    "passing shock": 0.5 * ((T >= 8) & (T < 12)),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", WORLDS)
def test_each_world_has_its_class(kind, seed):
    assert pace(counts(WORLDS[kind], seed=seed), rules=QUICK).kind == kind


def test_the_same_drift_in_daily_windows_is_fast():
    assert pace(counts(0.6 * T / 19), per_week=7.0, rules=QUICK).kind == "fast"


@pytest.mark.parametrize("seed", range(3))
def test_two_odd_windows_among_thirty_are_a_passing_shock(seed):
    days = np.arange(30)

    found = pace(counts(0.5 * ((days == 17) | (days == 18)), seed=seed), rules=QUICK)

    assert (found.kind, found.start, found.width) == ("passing shock", 17, 2)


def test_windows_that_wander_are_unknown_with_a_reason():
    random, mu = np.random.default_rng(0), np.zeros(26)
    for t in range(1, 26):
        mu[t] = 0.8 * mu[t - 1] + 0.1 * random.normal()

    found = pace(counts(mu), rules=QUICK)

    assert found.kind == "unknown"
    assert "resemble their neighbours" in found.why
    assert found.memory > 0.5


def test_two_odd_windows_apart_are_no_shock():
    days = np.arange(30)

    assert pace(counts(0.5 * ((days == 9) | (days == 18))), rules=QUICK).kind == "still"


def test_a_season_is_recurring_where_its_length_is_known():
    week = counts(0.3 * np.sin(2 * np.pi * np.arange(28) / 7))

    found = pace(week, period=7, per_week=7.0, rules=QUICK)

    assert found.kind == "recurring"
    assert found.season["size"] == pytest.approx(0.17, abs=0.03)


def test_too_few_windows_are_unknown_with_a_reason():
    found = pace(counts(0 * T[:5]))

    assert (found.kind, found.why) == ("unknown", "5 windows, 8 needed")


def test_what_never_changes_at_all_is_still():
    assert pace(np.tile([[5, 5, 90]], (12, 1))).kind == "still"
    assert pace(series=[0.9] * 12).kind == "still"


def test_a_metric_that_falls_says_in_which_direction_and_where():
    series = 0.9 - 0.05 * (T >= 10) + 0.002 * np.random.default_rng(0).normal(size=20)

    found = pace(series=series, rules=QUICK)

    assert (found.kind, found.start, found.direction) == ("shock", 10, -1.0)
    assert found.size == pytest.approx(0.05, abs=0.005)


def test_the_same_counts_give_the_same_answer():
    assert pace(counts(WORLDS["slow"])) == pace(counts(WORLDS["slow"]))


def test_the_order_of_the_windows_matters_and_that_of_categories_does_not():
    table = counts(WORLDS["shock"])
    mixed = table[:, np.random.default_rng(1).permutation(24)]

    one, other = (pace(t, ordered=False, rules=QUICK) for t in (table, mixed))

    assert one.kind == other.kind == "shock"
    assert one.size == pytest.approx(other.size)


def test_the_curve_of_a_jump_rises_and_that_of_a_season_dips():
    jump = by_lag(counts(0.6 * (T >= 10)))
    week = by_lag(counts(0.5 * np.sin(2 * np.pi * np.arange(28) / 7)))

    assert jump[1] < jump[5] < jump[9]
    assert week[7] < 0.2 * week[3]


def test_every_shape_is_centred_and_of_length_one():
    unit = shapes(15).unit

    assert np.allclose(unit.sum(axis=1), 0)
    assert np.allclose((unit**2).sum(axis=1), 1)


@pytest.mark.parametrize(("memory", "most"), [(0.0, 0.05), (0.3, 0.04)])
@pytest.mark.slow
def test_false_changes_are_rare(memory, most):
    random, wrong, runs = np.random.default_rng(42), 0, 60
    for i in range(runs):
        mu = np.zeros(26)
        if memory:
            for t in range(1, 26):
                mu[t] = memory * mu[t - 1] + 0.1 * np.sqrt(1 - memory**2) * random.normal()
        wrong += pace(counts(mu, seed=1000 + i), rules=QUICK).kind not in {"still", "unknown"}

    assert wrong / runs <= most
