"""Rare events: series with so few of them a window that no normal scale fits; exact tails instead."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_cli.stats.season import Calendar

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FEW = 20.0  # median events a window below which a series is rare
PRIOR = 10.0  # events that a slot's factor of one is worth
LEAST = 1e-6  # events expected


def two_sided_mid(k: ArrayLike, mean: ArrayLike, between: ArrayLike) -> Floats:
    """Two-sided mid tail of the negative binomial distribution.

    Parameters
    ----------
    k : (...,) counts
    mean : (...,) above 0
    between : (...,) t in the variance `mean + t mean^2`; 0 is Poisson

    Returns
    -------
    (...,) in [0, 1]; NaN where a number is

    Examples
    --------
    >>> float(two_sided_mid(12, 4.0, 0.25))
    0.0282...

    """
    from scipy.special import betainc, gammaln  # noqa: PLC0415 - 0.4 s to import

    count, mu, t = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (k, mean, between)))
    size = 1 / np.maximum(t, 1e-6)
    with np.errstate(divide="ignore", invalid="ignore"):
        above = betainc(count + 1, size, mu / (size + mu))  # more than k
        below = np.where(count > 0, betainc(size, np.maximum(count, 1), size / (size + mu)), 0.0)
        # log gamma(k + r) / gamma(r): by Stirling where r is large, or it would cancel
        stirling = count * np.log(size) + (count + size - 0.5) * np.log1p(count / size) - count
        stirling = stirling + (1 / (count + size) - 1 / size) / 12
        rising = np.where(size > 1e3, stirling, gammaln(count + size) - gammaln(size))
        log = rising - gammaln(count + 1) - size * np.log1p(mu / size) + count * np.log(mu / (size + mu))
    half = np.exp(log) / 2
    return np.asarray(np.minimum(1.0, 2 * np.minimum(above, below) + 2 * half))


@dataclass(frozen=True)
class Rare:
    """The rate of rare events in each series.

    Parameters
    ----------
    rate : (S,) events by unit of exposure
    hour : (S, 24) factors by hour of the day (fewer where a day has fewer windows), ones where it has none
    weekday : (S, 7) the same by day of the week
    ratio : (S,) variance to mean, at least 1

    """

    rate: Floats
    hour: Floats
    weekday: Floats
    ratio: Floats

    def mean(self, exposure: Floats, calendar: Calendar) -> Floats:
        """Events expected: (S, B) exposures in the windows of the calendar."""
        factor = self.hour[:, calendar.of_hour] * self.weekday[:, calendar.day % 7]
        return np.maximum(self.rate[:, None] * exposure * factor, LEAST)

    def probability(self, events: Floats, mean: Floats) -> Floats:
        """Two-sided chance of so many events where so many are expected; (S, B), 1 where missing."""
        chance = two_sided_mid(np.round(events), mean, (self.ratio[:, None] - 1) / mean)
        return np.where(np.isnan(chance), 1.0, chance)


def fit_rare(events: Floats, exposure: Floats, there: Bools, calendar: Calendar) -> Rare:
    """Rate, day and week of each series.

    Parameters
    ----------
    events, exposure : (S, L) history
    there : (S, L) what may be learnt from
    calendar : of the L windows

    Returns
    -------
    Rare
        A factor table only where its chi-square says so.

    """
    expo = np.where(there, exposure, 0.0)
    k = np.where(there, events, 0.0)
    rate = np.zeros(len(k))
    for _ in range(2):  # a lone burst does not move the rate
        rate = (k.sum(axis=1) + 0.5) / np.maximum(expo.sum(axis=1), 1e-300)
        top = rate[:, None] * expo
        k = np.minimum(k, top + 4 * np.sqrt(top) + 3)
        k = np.where(there, k, 0.0)
    mean = rate[:, None] * expo
    hours = int(calendar.of_hour.max(initial=0)) + 1 if calendar.slots > 1 else 1
    windows, day = k.shape[1], max(round(calendar.per_day), 1)
    hour = np.ones((len(k), max(hours, 1)))
    weekday = np.ones((len(k), 7))
    if hours > 1 and windows >= 0.98 * 3 * day:
        hour = _factors(k, mean, calendar.of_hour, hours)
        mean = mean * hour[:, calendar.of_hour]
    if windows >= 0.98 * 21 * day:
        weekday = _factors(k, mean, calendar.day % 7, 7)
        mean = mean * weekday[:, calendar.day % 7]
    mean = np.maximum(mean, LEAST)
    square = np.sort(np.where(there, (k - mean) ** 2 / mean, np.inf), axis=1)
    kept = np.maximum((0.99 * there.sum(axis=1)).astype(np.int64), 1)
    first = np.arange(square.shape[1]) < kept[:, None]
    ratio = np.where(first & np.isfinite(square), square, 0).sum(axis=1) / kept
    return Rare(rate, hour, weekday, np.maximum(1.0, ratio * 1.05))


def _factors(k: Floats, mean: Floats, slot: NDArray[np.int64], size: int) -> Floats:
    """Events of a slot by those expected, shrunk; ones where chance explains the differences."""
    member = np.eye(size)[slot]
    seen, expected = k @ member, mean @ member
    chi_square = ((seen - expected) ** 2 / np.maximum(expected, 1e-9)).sum(axis=1)
    real = chi_square > size + 3 * np.sqrt(2 * size)
    return np.where(real[:, None], (seen + PRIOR) / (expected + PRIOR), 1.0)
