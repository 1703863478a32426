"""Review: what a line would have cost and found, from past surprises and what was said of incidents."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.accumulate import ALLOWANCE, SIZES
from mlops_cli.stats.tail import Tail, exceedances, fit_tail

Floats = NDArray[np.float64]

DRAWS = 200  # resamples
LEVELS = (0.05, 0.95)  # of the interval
TOO_MANY = 1.5  # times the promise: loosen
TOO_FEW = 0.25  # of the promise, and something real was missed: tighten


@dataclass(frozen=True)
class Incident:
    """Windows `first` to `last` of the surprises, and what was said of them: real or false."""

    first: int
    last: int
    verdict: str


@dataclass(frozen=True)
class Cost:
    """What a width costs and finds.

    Parameters
    ----------
    width : standard deviations
    false_alarms : expected a year
    low, high : its interval at 90 %, from resampled blocks
    found : share of the incidents that were real and are beyond the width; None: there are none

    """

    width: float
    false_alarms: float
    low: float
    high: float
    found: float | None


@dataclass(frozen=True)
class Review:
    """The proposal: keep, loosen, tighten or conflict; the costs of now, of it, and at the promise."""

    proposal: str
    now: Cost
    proposed: Cost
    at_promise: Cost


def poisson_limits(events: int, level: float = 0.90) -> tuple[float, float]:
    """Exact interval for the mean of a Poisson count (Garwood 1936, Biometrika 28)."""
    from scipy.special import gammaincinv  # noqa: PLC0415 - 0.4 s to import

    tail = (1 - level) / 2
    low = float(gammaincinv(events, tail)) if events else 0.0
    return low, float(gammaincinv(events + 1, 1 - tail))


def most_expected(mean: float, level: float = 0.95) -> int:
    """The largest count that a Poisson mean gives with this probability at most."""
    from scipy.special import pdtr  # noqa: PLC0415 - 0.4 s to import

    return next(k for k in range(10_000) if float(pdtr(k, mean)) >= level)


def review(
    u: Floats, incidents: Sequence[Incident], width: float, per_year: float, promise: float, block: int
) -> Review:
    """Replay past surprises against the width in force and the one at the promise.

    Parameters
    ----------
    u : (N,) surprises, standard deviations; at least 20
    incidents : what people said of some windows
    width : in force
    per_year : windows a year
    promise : false alarms a year
    block : windows of a resampled block, a day

    Returns
    -------
    Review
        `conflict` where no width keeps the real incidents and the promise: nothing is proposed.

    """
    real = np.zeros(len(u), np.bool_)
    for one in incidents:
        if one.verdict == "real":
            real[one.first : one.last + 1] = True
    calm = np.abs(u[~real])
    peaks = np.array([np.abs(u[i.first : i.last + 1]).max() for i in incidents if i.verdict == "real"])
    tail, draws = _tail(calm[None]), _resampled(calm, block)
    tails = _tail(draws)

    def cost(w: float) -> Cost:
        low, high = np.quantile(_rate(w, tails, draws, per_year), LEVELS)
        mean = float(_rate(w, tail, calm[None], per_year)[0])
        return Cost(w, mean, float(low), float(high), float((peaks >= w).mean()) if len(peaks) else None)

    now, best = cost(width), cost(float(tail.width(promise / per_year)[0]))
    missed = now.found is not None and now.found < 1
    if now.false_alarms > TOO_MANY * promise:
        keeps = not len(peaks) or best.width <= float(peaks.min())
        return Review("loosen" if keeps else "conflict", now, best if keeps else now, best)
    if now.false_alarms < TOO_FEW * promise and missed and best.width < width:
        return Review("tighten", now, best, best)
    return Review("keep", now, now, best)


def false_alarms(u: Floats, width: float, per_year: float) -> float:
    """Expected a year beyond a width.

    Parameters
    ----------
    u : (N,) surprises without incidents, standard deviations; at least 20
    width : standard deviations
    per_year : windows a year

    """
    size = np.abs(u)[None]
    return float(_rate(width, _tail(size), size, per_year)[0])


def first_window(width: float, shift: float) -> float:
    """Chance that a lasting shift of so many standard deviations is found in its first window."""
    from scipy.special import ndtr  # noqa: PLC0415 - 0.4 s to import

    return float(1 - ndtr(width - shift))


def windows_until(windows: float, shift: float) -> float:
    """Windows after which the drift eye finds a shift, in the median; infinite where it never does.

    Parameters
    ----------
    windows : of the promise (one false alarm in so many)
    shift : standard deviations, shrunk by the root of the inflation

    """
    speed = float((SIZES * (shift - ALLOWANCE) - SIZES**2 / 2).max())
    return float(np.log(4 * windows) / speed) if speed > 0 else float("inf")


def _tail(size: Floats) -> Tail:
    """The tail of each row of absolute surprises."""
    n = np.full(len(size), size.shape[1])
    k = min(int(exceedances(n).max()) + 2, size.shape[1])
    largest = -np.sort(np.partition(-size, k - 1, axis=1)[:, :k], axis=1)
    return fit_tail(largest, n)


def _rate(width: float, tail: Tail, size: Floats, per_year: float) -> Floats:
    far = tail.probability(np.full(len(size), width))
    return np.asarray(per_year * np.where(width > tail.start, far, (size >= width).mean(axis=1)))


def _resampled(size: Floats, block: int) -> Floats:
    """Blocks drawn with replacement, (DRAWS, N)."""
    rng = np.random.default_rng(0)
    blocks = max(len(size) // block, 1)
    whole = size[: blocks * block].reshape(blocks, -1)
    return whole[rng.integers(0, blocks, (DRAWS, blocks))].reshape(DRAWS, -1)
