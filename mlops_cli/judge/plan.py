"""Before the start: how long a decision takes at the present traffic, and what an hour or a day shows."""

from typing import Any

import numpy as np

from mlops_cli.config.rollout import DEFAULTS, Rollout
from mlops_cli.judge.arm_tables import Cells, Tables, events
from mlops_cli.judge.means import LOGS
from mlops_cli.result.comparison import Comparison
from mlops_cli.stats.mean_sequence import multiplier, tuned, until_radius
from mlops_cli.stats.sequential import Increments, increments, limit_increments, log_e_total, until

MEANS = ("log-latency", "score", "label-error")
SPANS = {"1h": 3_600.0, "1d": 86_400.0}
FIRST = 0.01  # the first share without data is at most this


def plan_answers(tables: Tables, settings: Rollout, found: Comparison) -> dict[str, Any]:
    """What to expect of a ramp at each step, from the traffic of the control (or of the only arm).

    Returns
    -------
    dict
        `units_per_window`; `first_share`; `steps`: for each share and guardrail the windows until it is
        known to be safe if nothing is worse (null: never); `effects`: the smallest harm found within an hour
        and a day at the present share, in the unit of the metric (a log ratio of latencies).

    """
    traffic = tables.active
    each = float((traffic.nc + traffic.nb).sum() / max(len(tables.counts.starts), 1))
    share = found.share or settings.steps[0]
    guards = [n for n in DEFAULTS if settings.margin(n).role == "guardrail" and _any(tables.cells(n))]
    return {
        "units_per_window": each,
        "present_share": share,
        "first_share": _first(tables, settings, guards, two=bool(found.control)),
        "steps": {
            f"{s:g}": {n: _windows(tables, settings, n, s, two=bool(found.control)) for n in guards}
            for s in settings.steps
            if s < 1 or not found.control
        },
        "effects": {
            name: {n: _effect(tables, settings, n, share, int(span / found.window_seconds)) for n in guards}
            for name, span in SPANS.items()
        }
        if found.control
        else {},
    }


def _any(cells: Cells) -> bool:
    return bool(cells.nc.sum() + cells.nb.sum())


def _now(tables: Tables, settings: Rollout, name: str, share: float) -> tuple[float, float, float]:
    """Units a window of treatment and control at a share, and the present rate."""
    cells = events(tables.cells(name), flip=settings.margin(name).direction == "higher")
    n = float((cells.nc + cells.nb).sum() / max(len(cells.nc), 1))
    total = float((cells.nb if cells.nb.sum() else cells.nc).sum())
    rate = float((cells.sb if cells.nb.sum() else cells.sc).sum()) / total
    return n * share, n * (1 - share), rate


def _first(tables: Tables, settings: Rollout, guards: list[str], *, two: bool) -> float | None:
    """The share at which even a treatment that always fails stays within every margin."""
    bounds = []
    for name in guards:
        m = settings.margin(name)
        if name in MEANS:
            continue
        rate = _now(tables, settings, name, 0.5)[2]
        if two:
            bounds.append((((m.relative or 1) - 1) * rate + (m.absolute or 0.0)) / max(1 - rate, 1e-9))
        elif m.limit is not None:
            bounds.append(m.limit)
    return min(FIRST, *bounds) if bounds else None


def _windows(tables: Tables, settings: Rollout, name: str, share: float, *, two: bool) -> int | None:
    """Windows until the excess is known to be within the margin, if there is no harm."""
    m = settings.margin(name)
    nc, nb, rate = _now(tables, settings, name, share)
    if two and (not nc or not nb):
        return None
    if name in MEANS:
        return _mean_windows(tables, settings, name, (nc, nb, rate)) if two else None
    none = Increments(np.zeros((0, 48)), np.zeros((0, 48)))
    if two:
        step = increments([nc * rate], [nb * rate], [nc], [nb], m.relative or 1.0, -1)
        return until(none, step, m.absolute or 0.0, settings.alpha_ramp)
    if m.limit is None:
        return None
    step = limit_increments([nc * min(rate, m.limit / 2)], [nc], m.limit, -1)
    return until(none, step, 0.0, settings.alpha_ramp)


def _mean_windows(
    tables: Tables, settings: Rollout, name: str, now: tuple[float, float, float]
) -> int | None:
    nc, nb, mean = now
    m, variance = settings.margin(name), _variance(tables, name)
    wanted = (m.absolute or 0.0) + ((m.relative or 1.0) - 1) * abs(mean)
    if name in LOGS:
        wanted = float(np.log(m.relative or 1.0))
    if not variance or wanted <= 0:
        return None
    tau2 = tuned(wanted, settings.alpha_ramp)
    found = until_radius(variance * (1 / nc + 1 / nb), 1, tau2, settings.alpha_ramp, wanted)
    return None if found is None else int(found) + 1


def _effect(tables: Tables, settings: Rollout, name: str, share: float, windows: int) -> float | None:
    """The smallest harm that the expected path would find in so many windows; None: none would be."""
    nc, nb, rate = _now(tables, settings, name, share)
    nc, nb = nc * windows, nb * windows
    if not nc or not nb:
        return None
    if name in MEANS:
        variance = _variance(tables, name)
        if not variance:
            return None
        v = variance * (1 / nc + 1 / nb)
        tau2 = tuned(settings.margin(name).absolute or 0.05, settings.alpha_rollback)
        return float(np.sqrt(v) * multiplier(v, tau2, settings.alpha_rollback))
    enough = -np.log(settings.alpha_rollback)

    def seen(excess: float) -> bool:
        found = increments([nc * (rate + excess)], [nb * rate], [nc], [nb], 1.0, 1)
        return bool(log_e_total(found) >= enough)

    low, high = 0.0, 1.0 - rate
    if not seen(high):
        return None
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if seen(middle) else (middle, high)
    return high


def _variance(tables: Tables, name: str) -> float:
    """Of one unit, within windows."""
    cells = tables.cells(name)
    inside = sum(
        float((q - s**2 / np.maximum(n, 1)).sum())
        for n, s, q in ((cells.nc, cells.sc, cells.qc), (cells.nb, cells.sb, cells.qb))
    )
    freedom = float(np.maximum(cells.nc - 1, 0).sum() + np.maximum(cells.nb - 1, 0).sum())
    return inside / freedom if freedom else 0.0
