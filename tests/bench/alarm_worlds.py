"""Simulated series with and without a fault: rates, counts, means, quantiles, gauges; seasons, memory, tails.

The ten kinds, the faults and the seeds of `spec/alarms.md` 9, so that the tables can be held side by side.
"""

from dataclasses import dataclass

import numpy as np

from mlops_cli.stats.scale import transform
from mlops_cli.stats.season import regular
from mlops_cli.stats.watched import Batch

KINDS = {
    "rate 2% n2000": "rate",
    "rate 1% n200": "rate",
    "rate overdispersed": "rate",
    "count seasonal": "count",
    "count low": "count",
    "mean": "mean",
    "mean ar.7": "mean",
    "p99 seasonal": "quantile",
    "gauge ar.95": "gauge",
    "gauge t3": "gauge",
}
FAULTS = (
    ("jump", 0.15), ("jump", 0.3), ("jump", 1.0), ("ramp", 0.3),
    ("spike", 0.5), ("spike", 2.0), ("spread", 3.0), ("season", 1.0),
)  # fmt: skip
SEASONAL = ("count seasonal", "count low", "p99 seasonal", "gauge ar.95")
NO_SPREAD = ("rate 2% n2000", "rate 1% n200", "count low")


@dataclass(frozen=True)
class World:
    """Series of one kind: values, and what is known of their sampling; (S, N) each."""

    name: str
    kind: str
    per_day: int
    x: np.ndarray
    n: np.ndarray
    se: np.ndarray

    def batch(self, min_effect=0.0):
        """As the watch takes them."""
        y, sampling = transform(self.kind, self.x, self.n, self.se)
        counts = {"rate": (np.round(self.x * self.n), self.n), "count": (self.x, np.ones(self.x.shape))}
        events, exposure = counts.get(self.kind, (None, None))
        return Batch(
            y=y,
            sampling=np.array(sampling),
            calendar=regular(y.shape[1], self.per_day),
            min_effect=lambda _level, rows: np.full(len(rows), min_effect),
            side=np.zeros(len(y), int),
            events=events,
            exposure=exposure,
            counted=self.kind == "count",
        )


def makes_sense(name, fault):
    """Whether a kind can have this fault."""
    if fault == "season":
        return name in SEASONAL
    return fault != "spread" or name not in NO_SPREAD


def world(name, seeds, windows, per_day, fault="", size=0.0, at=0):
    """The series of a kind, one a seed."""
    made = [_one(name, np.random.default_rng(seed), windows, per_day, (fault, size, at)) for seed in seeds]
    x, n, se = (np.stack([m[k] for m in made]) for k in range(3))
    return World(name, KINDS[name], per_day, x, n, se)


def _one(name, rng, windows, per_day, fault):  # noqa: C901, PLR0911, PLR0912 # a list of worlds
    t = np.arange(windows)
    what, size, at = fault
    level, noise = np.ones(windows), np.ones(windows)
    hourly = per_day > 1
    traffic = np.where((t // 24 if hourly else t) % 7 >= 5, 0.6, 1.0)
    if hourly:
        traffic = (1 + 0.5 * np.sin(2 * np.pi * (t % 24 - 8) / 24)) * traffic
    if what in {"jump", "spike"}:
        level[at : at + 1 if what == "spike" else None] = 1 + size
    if what == "ramp":
        level[at:] = 1 + size * np.minimum(1, (t[at:] - at + 1) / (14 * per_day if hourly else 28))
    if what == "spread":
        noise[at:] = size
    if what == "season":
        traffic = np.where(t >= at, np.roll(traffic, 6 if hourly else 3), traffic)
    day = 1 if hourly else 24
    nothing = np.zeros(windows)
    if name == "rate 2% n2000":
        n = np.full(windows, 2000 * day)
        return rng.binomial(n, np.minimum(0.02 * level, 1)) / n, n, nothing
    if name == "rate 1% n200":
        n = np.full(windows, 200)
        return rng.binomial(n, np.minimum(0.01 * level, 1)) / n, n, nothing
    if name == "rate overdispersed":
        n = (5000 * day * traffic).astype(int)
        p = np.minimum(0.03 * level * np.exp(_wander(rng, windows, 0.5, 0.15) * noise), 1)
        return rng.binomial(n, p) / n, n, nothing
    if name == "count seasonal":
        mean = 3000 * day * traffic * level * np.exp(_wander(rng, windows, 0.4, 0.06) * noise)
        return rng.poisson(mean).astype(float), np.ones(windows), nothing
    if name == "count low":
        return rng.poisson(4 * traffic * level).astype(float), np.ones(windows), nothing
    if name == "mean":
        error = 0.25 / np.sqrt(500)
        return 0.6 * level + rng.normal(size=windows) * error * noise, nothing, np.full(windows, error)
    if name == "mean ar.7":
        x = 0.6 * level + _wander(rng, windows, 0.7, 0.02) * noise
        return x + rng.normal(size=windows) * 0.01, nothing, np.full(windows, 0.01)
    if name == "p99 seasonal":
        log = np.log(200 * level) + 0.15 * (traffic - 1) + _wander(rng, windows, 0.4, 0.05) * noise
        log = log + rng.standard_t(4, size=windows) * 0.06 / np.sqrt(traffic) * noise
        return np.exp(log), nothing, np.exp(log) * 0.08 / np.sqrt(traffic)
    if name == "gauge ar.95":
        x = 0.5 * level + 0.1 * (traffic - 1) + _wander(rng, windows, 0.95, 0.04) * noise
        return x, nothing, nothing
    return 100 * level + rng.standard_t(3, size=windows) * 5 * noise, nothing, nothing


def _wander(rng, windows, phi, sd):
    """A stationary autoregression of order one."""
    shocks = rng.normal(size=windows + 200) * sd * np.sqrt(1 - phi * phi)
    out = np.zeros(windows + 200)
    for t in range(1, len(out)):
        out[t] = phi * out[t - 1] + shocks[t]
    return out[200:]
