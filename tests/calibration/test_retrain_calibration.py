"""How often pace, retrain and pipeline cry wolf on worlds without a fault; seeded."""

import numpy as np
import polars as pl
import pytest

from mlops_cli.decide.retrain import Evidence, Rules, decide
from mlops_cli.judge.drop import realised
from mlops_cli.stats.blame import Column, accusations
from mlops_cli.stats.shapes import Rules as Shapes
from mlops_cli.stats.shapes import pace

DAY = 86_400_000_000


def windows(random, *, overdispersed, lost=0.0, days=24, n=2000):
    """Accuracy by day: 10 of the baseline, 14 judged, the last four `lost` lower; days differ by themselves, too."""
    rows = []
    for day in range(days):
        right = 0.92 + overdispersed * random.normal() - (lost if day >= days - 4 else 0.0)
        value = random.binomial(n, right) / n
        half = 1.959964 * np.sqrt(value * (1 - value) / n)
        rows.append((day * DAY, value, value - half, value + half))
    frame = pl.DataFrame(rows, schema=["window", "value", "low", "high"], orient="row")
    base = tuple(d * DAY for d in range(10))
    reference = frame.filter(pl.col("window").is_in(base))["value"].mean()
    return frame.with_columns(reference=pl.lit(reference)), base, tuple(d * DAY for d in range(10, days))


def retrains(*, overdispersed, lost, runs):
    random, hit = np.random.default_rng(9), 0
    rules = Rules(mode="automatic", per_error=1.0, traffic=100_000, retrain=3000.0)
    for _ in range(runs):
        drop = realised(*windows(random, overdispersed=overdispersed, lost=lost), "down")
        hit += decide(Evidence(drop=drop.value, low=drop.low, labels=9999), rules).action == "automatic"
    return hit / runs


@pytest.mark.parametrize("overdispersed", [0.0, 0.006])
def test_a_model_that_holds_is_seldom_retrained(overdispersed):
    assert retrains(overdispersed=overdispersed, lost=0.0, runs=300) <= 0.03


def test_a_model_that_has_lost_five_points_is_nearly_always_retrained():
    assert retrains(overdispersed=0.006, lost=0.05, runs=100) >= 0.95


def test_components_without_a_fault_are_seldom_accused():
    names = ("a", "b", "c")
    columns = [Column(n, k, f"{n}-{k}") for n in names for k in ("input", "output", "software")]
    random, blamed, runs = np.random.default_rng(4), 0, 40
    for _ in range(runs):
        x = random.standard_t(5, (200, 9))
        for t in range(1, 200):
            x[t] += 0.4 * x[t - 1]
        x[:, 3] += 1.5 * x[:, 1]
        x[:, 6] += 1.5 * x[:, 4]
        accusing, _ = accusations(x, columns, {"b": ["a"], "c": ["b"]}, 168)
        blamed += bool(accusing)

    assert blamed / runs <= 0.05


T = np.arange(26)
SIZE = 0.36  # deviations of a normal field: 0.15 JS


def field(random, mu, *, memory=0.0, wander=0.1, n=2000):
    """Counts by window of a normal field whose mean follows `mu` and wanders about it."""
    own, x = np.zeros(len(mu)), (np.arange(30) - 14.5) / 6
    for t in range(1, len(mu)):
        own[t] = memory * own[t - 1] + wander * np.sqrt(1 - memory**2) * random.normal()
    shares = np.exp(-((x - (mu + own)[:, None]) ** 2) / 2)
    return np.array([random.multinomial(n, p / p.sum()) for p in shares])


def kinds(mu, runs, seed=3, **how):
    random = np.random.default_rng(seed)
    return [pace(field(random, mu, **how), rules=Shapes(shuffles=199)).kind for _ in range(runs)]


@pytest.mark.slow
@pytest.mark.parametrize("n", [500, 2000])
@pytest.mark.parametrize(("memory", "most"), [(0.0, 0.03), (0.3, 0.03), (0.6, 0.05)])
def test_fields_that_stand_still_are_seldom_called_changing(memory, most, n):
    seen = kinds(0.0 * T, 150, memory=memory, n=n)
    share = {kind: seen.count(kind) / len(seen) for kind in {*seen, "shock", "small jump", "fast"}}

    assert 1 - share.get("still", 0) - share.get("unknown", 0) <= most
    assert share["shock"] + share["small jump"] <= 0.03
    assert share["fast"] <= 0.03


@pytest.mark.slow
@pytest.mark.parametrize("wander", [0.0, 0.05])
def test_changes_of_a_seventh_are_seen_although_noise_may_remember(wander):
    moving = {"slow", "fast", "shock", "small jump", "passing shock"}
    for mu in (SIZE * T / 25, SIZE * (T >= 14), 0.45 * ((T >= 8) & (T < 13)), 0.45 * ((T >= 8) & (T < 10))):
        seen = kinds(mu, 60, wander=wander)
        assert sum(kind in moving for kind in seen) / len(seen) >= 0.95


def series(change, runs, *, memory, seed=8):
    random, seen = np.random.default_rng(seed), []
    for _ in range(runs):
        noise = np.zeros(26)
        for t in range(1, 26):
            noise[t] = memory * noise[t - 1] + 0.006 * np.sqrt(1 - memory**2) * random.normal()
        seen.append(pace(series=0.9 - change + noise, rules=Shapes(shuffles=199)).kind)
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("memory", [0.0, 0.3, 0.6])
def test_a_metric_that_holds_is_seldom_called_falling(memory):
    seen = series(0.0 * T, 150, memory=memory)

    assert sum(kind not in {"still", "unknown"} for kind in seen) / len(seen) <= 0.05


@pytest.mark.slow
def test_a_metric_that_falls_is_seen():
    for change in (0.04 * T / 25, 0.03 * (T >= 14)):
        seen = series(change, 60, memory=0.0)
        assert sum(kind in {"slow", "shock"} for kind in seen) / len(seen) >= 0.9
