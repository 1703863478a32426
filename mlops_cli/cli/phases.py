"""The phases of blue and green: which one it is, what is compared in it, and its report."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np

from mlops_cli.cli.arms import Arms
from mlops_cli.cli.ask import Ask
from mlops_cli.cli.rollout import Compared, compared, range_of, rules
from mlops_cli.cli.rollout_report import report
from mlops_cli.decide.blue_green import SWITCHED, phase_of, ready, switch, watch
from mlops_cli.errors import UsageError
from mlops_cli.judge.before_after import before_after
from mlops_cli.judge.mirrored import answers, compare_pairs
from mlops_cli.profile.mirrored import mirrored
from mlops_cli.result.report import Report

Progress = Callable[[int, int], None]


def phased(ask: Ask, arms: Arms, progress: Progress | None, clock: datetime) -> Report:
    """Read, compare and decide as the phase asks."""
    c = compared(ask, arms, progress, "blue-green")
    if not c.counts.control:
        raise UsageError(
            "blue-green compares two versions", "--blue", "name the version that serves: --blue NAME"
        )
    names = (c.counts.control, c.counts.treatment)
    pairs = None
    if arms.phase in ("", "ready"):
        pairs = mirrored(c.unit.logs.parts, c.asked, names, c.counts.size, range_of(ask, c.unit))
    phase = arms.phase or phase_of(c.comparison, pairs.pairs if pairs else 0, pairs.alone if pairs else 0)
    by = rules(c.asked)
    if phase == "ready" and pairs is not None:
        said = answers(pairs, c.asked)
        found = compare_pairs(pairs, c.asked, names, c.counts.size)
        c = replace(
            c, comparison=found, decision=ready(found, said, by), plan_said="requests that both answered"
        )
        return report(c, "blue-green", clock, more={"phase": phase, "answers": said})
    if phase == "switch":
        c = replace(c, decision=switch(c.comparison, by))
        return report(c, "blue-green", clock, more={"phase": phase})
    c = _watched(c)
    c = replace(c, decision=watch(c.comparison, by, c.asked.watch_windows))
    return report(c, "blue-green", clock, more={"phase": phase})


def _watched(c: Compared) -> Compared:
    """Against the holdback since the switch; without one against the days before it."""
    traffic = c.tables.active.until(c.look)
    green, blue = traffic.nc.sum(1), traffic.nb.sum(1)
    total = green + blue
    most = np.where(total > 0, green / np.maximum(total, 1), 0.0) >= SWITCHED
    switched = c.look - int(np.argmin(most[::-1])) if not most.all() else 0
    without = c.comparison.silent.get(c.counts.control, 0)
    if without < 0 or without > c.asked.grace:
        return replace(c, comparison=before_after(c.tables, c.asked, c.comparison, switched, c.look))
    seen = c.look - switched
    return replace(
        c, comparison=replace(c.comparison, windows_in_step=min(c.comparison.windows_in_step, seen))
    )
