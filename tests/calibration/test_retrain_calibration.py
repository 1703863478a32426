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


@pytest.mark.slow
@pytest.mark.parametrize(("memory", "most"), [(0.0, 0.03), (0.3, 0.12), (0.6, 0.30)])
def test_fields_that_stand_still_are_seldom_called_changing(memory, most):
    random, x, wrong, runs = np.random.default_rng(3), (np.arange(30) - 14.5) / 6, 0, 100
    for _ in range(runs):
        own = np.zeros(26)
        for t in range(1, 26):
            own[t] = memory * own[t - 1] + 0.1 * np.sqrt(1 - memory**2) * random.normal()
        shares = np.exp(-((x - own[:, None]) ** 2) / 2)
        table = np.array([random.multinomial(2000, p / p.sum()) for p in shares])
        wrong += pace(table, rules=Shapes(shuffles=199)).kind not in {"still", "unknown"}

    assert wrong / runs <= most
