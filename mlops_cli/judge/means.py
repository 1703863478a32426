"""One mean of two arms, or of one against its limit: what is known of it, and what it allows."""

from dataclasses import replace

import numpy as np

from mlops_cli.judge.arm_tables import Cells
from mlops_cli.judge.rates import LAST, Asked
from mlops_cli.judge.say_arms import sentence
from mlops_cli.result.comparison import Call, Compared
from mlops_cli.stats.mean_sequence import (
    Difference,
    against,
    log_e_mean,
    radius,
    stratified,
    tuned,
    until_radius,
)

FEWEST = 100  # units of the treatment: the sequence is asymptotic
LOGS = ("log-latency",)  # means of a logarithm: margins are ratios


def compare_mean(asked: Asked) -> Compared:
    """Treatment against control."""
    m, cells = asked.margin, asked.cells()
    used = cells.both
    n_c, n_b = float(cells.nc.sum()), float(cells.nb.sum())
    if not used.any():
        why = "no row has it" if not n_c + n_b else "the arms never have it at the same time"
        if bool(n_c) != bool(n_b):
            why = f"no {'control' if n_c else 'treatment'} row has it"
        return replace(asked.blank(why), n_control=int(n_b), n_treatment=int(n_c))
    sign = -1.0 if m.direction == "higher" else 1.0
    line = stratified(*(v.ravel() for v in cells))
    estimate, variance = sign * float(line.estimate[-1]), float(line.variance[-1])
    weight = np.where(used, cells.nc * cells.nb / np.maximum(cells.nc + cells.nb, 1), 0.0)
    mean_c = float((weight * cells.sc / np.maximum(cells.nc, 1)).sum() / weight.sum())
    mean_b = float((weight * cells.sb / np.maximum(cells.nb, 1)).sum() / weight.sum())
    margin = _margin(asked, mean_b)
    found = Compared(
        name=asked.name,
        role=m.role or "guardrail",
        direction=m.direction or "lower",
        verdict=Call.UNKNOWN,
        control=_shown(asked, mean_b),
        treatment=_shown(asked, mean_c),
        estimate=estimate,
        margin=margin,
        limit=m.limit,
        n_control=int(cells.nb[used].sum()),
        n_treatment=int(cells.nc[used].sum()),
        unit="ms" if asked.name == "log-latency" else "",
        weight=m.weight or 1.0,
    )
    return _judged(asked, found, variance, cells)


def compare_mean_limit(asked: Asked) -> Compared:
    """The treatment alone: its mean less the limit; of a log-latency the limit is in ms."""
    m, cells = asked.margin, asked.cells()
    n = float(cells.nc.sum())
    if m.limit is None:
        shown = replace(asked.blank("no limit is set"), role="watch", n_treatment=int(n))
        return replace(shown, treatment=_shown(asked, float(cells.sc.sum()) / n) if n else None)
    if not n:
        return asked.blank("no unit of the treatment has it")
    limit = float(np.log(m.limit)) if asked.name in LOGS else m.limit
    sign = -1.0 if m.direction == "higher" else 1.0
    line = against(cells.nc.ravel(), cells.sc.ravel(), cells.qc.ravel(), limit)
    found = Compared(
        name=asked.name,
        role=m.role or "guardrail",
        direction=m.direction or "lower",
        verdict=Call.UNKNOWN,
        treatment=_shown(asked, float(cells.sc.sum()) / n),
        estimate=sign * float(line.estimate[-1]),
        margin=0.0,
        limit=m.limit,
        n_treatment=int(n),
        unit="ms" if asked.name == "log-latency" else "",
        weight=m.weight or 1.0,
    )
    return _judged(asked, found, float(Difference(*line).variance[-1]), cells)


def _judged(asked: Asked, found: Compared, variance: float, cells: Cells) -> Compared:
    estimate, margin = found.estimate or 0.0, found.margin or 0.0
    if found.n_treatment < FEWEST or not np.isfinite(variance):
        need = max(FEWEST - found.n_treatment, 0)
        reason = f"{found.n_treatment:,} units of the treatment, {FEWEST} are needed for a mean"
        if not np.isfinite(variance):
            reason = "no arm has two units in a window"
        return replace(found, reason=reason, needed=need or None, eta=_windows(need, cells))
    rules = asked.settings
    # Tuned by the margin; without one (a limit) by a standard error's worth of it.
    effect = margin or max(abs(estimate), float(np.sqrt(variance)))
    tau_harm, tau_safe = tuned(effect, rules.alpha_rollback), tuned(effect, rules.alpha_ramp)
    wide, narrow = (
        float(radius(variance, tau_harm, rules.alpha_rollback)),
        float(radius(variance, tau_safe, rules.alpha_ramp)),
    )
    harm = float(log_e_mean(estimate, variance, tau_harm))
    safe = float(log_e_mean(margin - estimate, variance, tau_safe))
    lower, upper = estimate - wide, estimate + narrow
    shares = tuple(s for s in rules.steps if s * upper <= margin) if margin else ()
    if found.limit is not None and not margin:  # a limit has no blast radius: all or nothing
        shares = rules.steps if upper < 0 else ()
    both = found.direction == "both"
    if both:  # neither way is better: the same the other way round
        other = float(log_e_mean(-estimate, variance, tau_harm))
        harm = float(np.logaddexp(harm, other) - np.log(2))
        safe = min(safe, float(log_e_mean(margin + estimate, variance, tau_safe)))
        shares = tuple(s for s in shares if s * (narrow - estimate) <= margin)
    size = abs(estimate) if both else estimate
    bound = max(lower, -estimate - wide) if both else lower
    far = bound > margin or (rules.rollback == "harm" and size > margin)
    call = Call.UNKNOWN
    if harm >= asked.enough_harm and far:
        call = Call.HARM
    elif upper < margin and (not both or narrow - estimate < margin):
        call = Call.WORSE if bound > 0 else Call.BETTER if upper < 0 and not both else Call.SAFE
    cells_used = int(np.count_nonzero(cells.both if found.control is not None else cells.nc > 0))
    eta = None
    if margin:
        room = margin - max(estimate, 0.0)
        more = until_radius(variance, cells_used, tau_safe, rules.alpha_ramp, room) if room > 0 else None
        per_window = cells_used / max(len(cells.nc), 1)
        eta = None if more is None else int(np.ceil(more / max(per_window, 1e-9)))
    done = call.passes
    found = replace(
        found,
        lower=lower,
        upper=upper,
        log_e_harm=harm,
        log_e_safe=safe,
        shares=shares,
        eta=0 if done else eta,
        needed=0 if done else None if eta is None else round(eta * _per_window(cells)),
        hard=_hard(asked, cells),
    )
    reason = sentence(found, call, asked.enough_harm, asked.enough_safe)
    return replace(found, verdict=call, reason=reason)


def _margin(asked: Asked, mean_b: float) -> float:
    m = asked.margin
    if asked.name in LOGS:
        return float(np.log(m.relative or 1.0)) + (m.absolute or 0.0)
    return ((m.relative or 1.0) - 1) * abs(mean_b) + (m.absolute or 0.0)


def _shown(asked: Asked, mean: float) -> float:
    """A geometric mean in ms where the logarithm was taken."""
    return float(np.exp(mean)) if asked.name in LOGS else mean


def _hard(asked: Asked, cells: Cells) -> int:
    limit = asked.margin.hard_limit
    if limit is None:
        return 0
    n, s = cells.nc.sum(1), cells.sc.sum(1)
    full = n > 0
    values = s[full] / n[full]
    over = ((np.exp(values) if asked.name in LOGS else values) > limit)[::-1]
    return int(np.argmin(over)) if not over.all() else len(over)


def _per_window(cells: Cells) -> float:
    return float(cells.nc[-LAST:].sum()) / min(LAST, max(len(cells.nc), 1))


def _windows(units: int, cells: Cells) -> int | None:
    each = _per_window(cells)
    return int(np.ceil(units / each)) if each and units else None
