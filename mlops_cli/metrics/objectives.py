"""Objectives: which metrics have an `slo`, and how fast an error budget burns."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_cli.config.alarms import Slo
from mlops_cli.config.section import seconds
from mlops_cli.config.settings import Settings

Floats = NDArray[np.float64]

# Share of the budget that may be gone, and within which part of the period: of 30 days 2 % in an hour, 5 % in
# six hours (alarms), 10 % in three days (a warning); Beyer et al. 2018, The Site Reliability Workbook, 5.
ALARMS = ((0.02, 1 / 720), (0.05, 1 / 120))
WARNING = (0.10, 1 / 10)
SHORT = 12  # the short window is this part of the long one: it tells whether the budget burns still
WIDE = 0.10  # of the budget in one window that is longer than the long window of a speed
WARN_AT = 0.5  # of the speed of an alarm


@dataclass(frozen=True)
class Burn:
    """How an error budget burns, window by window.

    Parameters
    ----------
    speed : (N,) of the speed that is an alarm; `WARN_AT` or more is a warning
    rate : (N,) how many times too fast, over the long window that tells most
    span : (N,) length of that window, seconds
    left : (N,) share of the period's budget that is left; below 0 it is overdrawn

    """

    speed: Floats
    rate: Floats
    span: Floats
    left: Floats


def objectives(settings: Settings) -> dict[str, Slo]:
    """Code of every metric that has an objective → it."""
    out = {}
    for group, codes in settings.metrics.items():
        for code in codes if isinstance(codes, Mapping) else ():
            where = settings.customs()[code].group if group == "custom" else group
            slo = settings.line(where, code).slo
            if slo is not None:
                out[code] = slo
    return out


def good_rows(slo: Slo) -> str:
    """The row expression that is 1 for a good row, 0 for another."""
    return f"CASE WHEN {slo.good} THEN 1.0 ELSE 0.0 END"


def burn(slo: Slo, length: float, bad: Floats, rows: Floats) -> Burn:
    """The speed at which a budget burns, over a long and a short window at once.

    Parameters
    ----------
    slo : the objective
    length : of a window, seconds, above 0
    bad, rows : (N,) counts of each window

    Examples
    --------
    >>> slo = Slo(good="status < 500", target=0.99, period="30d")
    >>> b = burn(slo, 3600.0, np.array([0.0, 0.0, 20.0]), np.array([100.0, 100.0, 100.0]))
    >>> b.rate.round(1).tolist(), (b.speed >= 1).tolist()
    ([0.0, 0.0, 20.0], [False, False, True])

    """
    period, allowed = float(seconds(slo.period)), 1 - slo.target

    def over(windows: int) -> Floats:
        return _share(bad, rows, windows) / allowed

    speeds, rates, spans = [], [], []
    for (spent, part), scale in (*((a, 1.0) for a in ALARMS), (WARNING, WARN_AT)):
        long = max(round(period * part / length), 1)
        share = spent if long * length <= 2 * period * part else WIDE  # too wide a window sees no such speed
        limit = max(share / (long * length / period), 1.0)
        slow, fast = over(long), over(max(round(long / SHORT), 1))
        full = np.minimum(slow, fast) / limit
        speeds.append(full if scale == 1.0 else np.minimum(full, 1.0) * scale)
        rates.append(slow)
        spans.append(long * length)
    which = np.argmax(speeds, axis=0)
    at = np.arange(len(rows))
    whole = max(round(period / length), 1)
    seen = np.minimum(np.arange(1, len(rows) + 1) * length / period, 1.0)
    return Burn(
        np.array(speeds)[which, at],
        np.array(rates)[which, at],
        np.array(spans)[which],
        1 - over(whole) * seen,
    )


def _share(bad: Floats, rows: Floats, windows: int) -> Floats:
    """Share of bad rows over the last so many windows."""
    one, two = (np.concatenate([[0.0], np.cumsum(v)]) for v in (bad, rows))
    start = np.maximum(np.arange(1, len(rows) + 1) - windows, 0)
    total = two[1:] - two[start]
    return np.where(total > 0, (one[1:] - one[start]) / np.maximum(total, 1), 0.0)
