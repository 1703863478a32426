"""After a full switch with nothing left to compare with: the same hours of the days before (2.10)."""

from dataclasses import replace

import numpy as np

from mlops_cli.config.rollout import DEFAULTS, Rollout
from mlops_cli.judge.arm_tables import Cells, Tables
from mlops_cli.judge.means import LOGS
from mlops_cli.judge.say_arms import change_text, texts, value_text
from mlops_cli.result.comparison import Call, Compared, Comparison, Evidence, State

DAYS = 7  # fewer say too little about how a day differs from the next
LEVEL = 0.99
DAY = 86_400_000_000
MEANS = ("log-latency",)


def before_after(
    tables: Tables, settings: Rollout, found: Comparison, switched: int, look: int
) -> Comparison:
    """The comparison with each guardrail against its prediction interval; what else it said is void.

    Parameters
    ----------
    found : the comparison as it stands, whose control has no traffic any more
    switched : first window in which the treatment has all traffic
    look : windows so far

    """
    metrics = []
    for name in DEFAULTS:
        m = settings.margin(name)
        cells = tables.cells(name)
        if m.role != "guardrail" or name.startswith("slow-share") or not cells.nc[switched:look].sum():
            continue
        made = _one(name, tables, settings, switched, look)
        metrics.append(replace(made, shown=texts(made)))
    harm = [m for m in metrics if m.verdict is Call.HARM]
    return replace(
        found,
        evidence=Evidence.BEFORE_AFTER,
        metrics=tuple(metrics),
        health=replace(found.health, state=State.UNTESTED),
        # The interval is at a level of its own; where it is crossed, that is what decides.
        log_e_all=float("inf") if harm else 0.0,
        silent={},
        windows_in_step=look - switched,
        units_in_step=int(tables.active.nc[switched:look].sum()),
    )


def _one(name: str, tables: Tables, settings: Rollout, switched: int, look: int) -> Compared:
    """Log of the present rate less that of the same hours, beyond what days differ by."""
    from scipy.special import stdtrit  # noqa: PLC0415 - 0.4 s to import

    m, cells = settings.margin(name), tables.cells(name)
    per_day = DAY // tables.counts.size
    now = _level(name, cells, slice(switched, look), treatment=True)
    past = []
    for d in range(1, switched // per_day + 1):
        span = slice(switched - d * per_day, look - d * per_day)
        if span.stop > switched:  # a watch longer than a day: its last hours were not yet on the old version
            span = slice(span.start, switched)
        level = _level(name, cells, span, treatment=False)
        if level is not None:
            past.append(level)
    days = len(past)
    blank = Compared(
        name=name,
        role="guardrail",
        direction=m.direction or "lower",
        verdict=Call.UNKNOWN,
        n_treatment=int(cells.nc[switched:look].sum()),
        n_control=int(cells.nb[:switched].sum()),
        unit="ms" if name in LOGS else "share",
    )
    if now is None or days < DAYS:
        return replace(blank, reason=f"{days} days before the switch have these hours, {DAYS} are needed")
    mean, sd = float(np.mean(past)), float(np.std(past, ddof=1))
    reach = float(stdtrit(days - 1, LEVEL)) * sd * float(np.sqrt(1 + 1 / days))
    rate_b, rate_c = float(np.exp(mean)), float(np.exp(now))
    allowed = np.log(m.relative or 1.0)
    if name not in LOGS:
        allowed = np.log((m.relative or 1.0) + (m.absolute or 0.0) / rate_b)
    estimate = now - mean
    call = Call.UNKNOWN
    if estimate - reach > allowed:
        call = Call.HARM
    elif estimate + reach < allowed:
        call = Call.SAFE
    # Rates are compared as a ratio here, and shown as a difference.
    log_scale = name in LOGS
    shown = replace(
        blank,
        verdict=call,
        control=rate_b,
        treatment=rate_c,
        estimate=estimate if log_scale else rate_c - rate_b,
        lower=estimate - reach if log_scale else rate_b * (float(np.exp(estimate - reach)) - 1),
        upper=estimate + reach if log_scale else rate_b * (float(np.exp(estimate + reach)) - 1),
        margin=float(allowed) if log_scale else rate_b * (float(np.exp(allowed)) - 1),
        shares=settings.steps if call is Call.SAFE else (),
    )
    word = {Call.HARM: "beyond", Call.SAFE: "within"}.get(call, "not apart from")
    reason = (
        f"{value_text(shown, rate_b)} in the same hours of {days} days, {value_text(shown, rate_c)} now: "
        f"{change_text(shown, shown.lower)} to {change_text(shown, shown.upper)} by how days differ, "
        f"{word} the margin of {change_text(shown, shown.margin)}"
    )
    return replace(shown, reason=reason, culprit=call is Call.HARM)


def _level(name: str, cells: Cells, span: slice, *, treatment: bool) -> float | None:
    """Mean of the log rate (or of the log itself) over windows with rows; None where there are none."""
    n, s = (cells.nc, cells.sc) if treatment else (cells.nb, cells.sb)
    n, s = n[span].sum(1), s[span].sum(1)
    some = n > 0
    if not some.any():
        return None
    if name in MEANS:
        return float((s[some] / n[some]).mean())
    return float(np.log((s[some] + 0.5) / n[some]).mean())
