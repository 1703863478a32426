"""One rate of two arms, or of one against its limit: what is known of it, and what it allows."""

from dataclasses import dataclass, replace

import numpy as np

from mlops_cli.config.rollout import Margin, Rollout
from mlops_cli.judge.arm_tables import Bools, Cells, Tables, events
from mlops_cli.judge.say_arms import moment_text, sentence
from mlops_cli.judge.traffic import Run, one_sided_errors
from mlops_cli.result.comparison import Call, Compared
from mlops_cli.stats.sequential import (
    Increments,
    increments,
    limit_increments,
    log_e_total,
    lower_excess,
    onset,
    until,
    upper_excess,
)

LAST = 20  # windows whose traffic is the present one
HARD = 20  # units that a window needs before a hard limit is held against it


@dataclass(frozen=True)
class Asked:
    """What a metric is asked: its name and margin, the rules, and the part of the log that counts."""

    name: str
    margin: Margin
    settings: Rollout
    tables: Tables
    run: Run
    kept: Bools

    @property
    def enough_harm(self) -> float:
        """Log of the evidence that one metric alone needs."""
        return float(-np.log(self.settings.alpha_rollback))

    @property
    def enough_safe(self) -> float:
        """Log of the evidence that nothing beyond the margin needs."""
        return float(-np.log(self.settings.alpha_ramp))

    def cells(self) -> Cells:
        """The cells that count."""
        return self.tables.compared(self.name, self.kept).until(self.run.last).since(self.run.first)

    def evidence(self, r0: float, side: int) -> Increments:
        """Of the windows that count: (windows, 48)."""
        flip = self.margin.direction == "higher"
        found = self.tables.evidence(self.name, self.kept, r0, side, flip=flip)
        return Increments(*(v[self.run.first : self.run.last] for v in found))

    def harm(self, limit: float | None = None) -> float:
        """Log of the evidence that the treatment is worse, or beyond the limit; whenever that began."""
        flip, run = self.margin.direction == "higher", self.run
        if limit is None:
            found = self.tables.evidence(self.name, self.kept, 1.0, 1, flip=flip)
        else:
            found = self.tables.limited(self.name, self.kept, limit, 1, flip=flip)
        return float(self.tables.late(self.name, self.kept, run.first, found)[run.last - run.first - 1])

    def limited(self, limit: float, side: int) -> Increments:
        """The same against a limit."""
        flip = self.margin.direction == "higher"
        found = self.tables.limited(self.name, self.kept, limit, side, flip=flip)
        return Increments(*(v[self.run.first : self.run.last] for v in found))

    def blank(self, reason: str) -> Compared:
        """Nothing is known, and why."""
        m = self.margin
        return Compared(
            self.name,
            m.role or "guardrail",
            m.direction or "lower",
            Call.UNKNOWN,
            reason,
            limit=m.limit,
            weight=m.weight or 1.0,
        )


def compare_rate(asked: Asked) -> Compared:
    """Treatment against control."""
    m, flip = asked.margin, asked.margin.direction == "higher"
    cells = events(asked.cells(), flip=flip)
    used = cells.both
    if not used.any():
        return _one_arm_only(asked, cells)
    r0, extra = m.relative or 1.0, m.absolute or 0.0
    weight = np.where(used, cells.nc * cells.nb / np.maximum(cells.nc + cells.nb, 1), 0.0)
    rate_c = float((weight * cells.sc / np.maximum(cells.nc, 1)).sum() / weight.sum())
    rate_b = float((weight * cells.sb / np.maximum(cells.nb, 1)).sum() / weight.sum())
    worse = asked.evidence(1.0, 1)
    below = asked.evidence(1.0, -1)
    within = asked.evidence(r0, -1)
    harm = asked.harm()
    safe = log_e_total(within, extra)
    better = log_e_total(below)
    margin = (r0 - 1) * rate_b + extra
    estimate, since = rate_c - rate_b, 0
    if harm >= asked.enough_harm > log_e_total(worse):
        # Late harm: the windows before it began say nothing about how bad it is.
        began = onset(worse)
        late = Cells(*(v[began:] for v in cells))
        estimate, since = _excess(late), asked.tables.counts.starts[asked.run.first + began]
    shares = tuple(s for s in asked.settings.steps if _passes(asked, 1 + (r0 - 1) / s, extra / s))
    nothing = not cells.sc[used].sum() and not cells.sb[used].sum() and not extra
    eta, needed = _eta(asked, cells, within, r0, extra)
    found = Compared(
        name=asked.name,
        role=m.role or "guardrail",
        direction=m.direction or "lower",
        verdict=Call.UNKNOWN,
        control=_shown(rate_b, flip=flip),
        treatment=_shown(rate_c, flip=flip),
        estimate=estimate,
        lower=float(lower_excess(worse, asked.settings.alpha_rollback)),
        upper=float(upper_excess(below, asked.settings.alpha_ramp)),
        margin=margin,
        limit=m.limit,
        log_e_harm=harm,
        log_e_safe=safe,
        n_control=int(cells.nb[used].sum()),
        n_treatment=int(cells.nc[used].sum()),
        shares=shares,
        eta=0 if safe >= asked.enough_safe else eta,
        needed=0 if safe >= asked.enough_safe else needed,
        since=moment_text(since) if since else "",
        hard=_hard(cells, m),
        weight=m.weight or 1.0,
    )
    call = _call(asked, found, better)
    reason = "there is no event and no absolute margin: nothing can be certified" if nothing else ""
    reason = reason or sentence(found, call, asked.enough_harm, asked.enough_safe)
    return replace(found, verdict=call, reason=reason + _flattered(asked, safe, r0, extra))


def compare_limit(asked: Asked) -> Compared:
    """The treatment alone against an absolute limit (`spec/rollout.md`, 2.14)."""
    m, flip = asked.margin, asked.margin.direction == "higher"
    cells = events(asked.cells(), flip=flip)
    n, x = float(cells.nc.sum()), float(cells.sc.sum())
    limit = (1 - m.limit if flip else m.limit) if m.limit is not None else None
    if limit is None or not 0 < limit < 1:
        shown = replace(asked.blank("no limit is set"), role="watch", n_treatment=int(n))
        return replace(shown, treatment=_shown(x / n, flip=flip) if n else None)
    if not n:
        return asked.blank("no unit of the treatment has it")
    below = asked.limited(limit, -1)
    harm, safe = asked.harm(limit), log_e_total(below)
    shares = tuple(
        s
        for s in asked.settings.steps
        if limit / s >= 1 or log_e_total(asked.limited(limit / s, -1)) >= asked.enough_safe
    )
    size = float(cells.nc[-LAST:].sum() / min(LAST, len(cells.nc)))
    step = limit_increments([min(x / n, limit / 2) * size], [size], limit, -1)
    eta = until(below, step, 0.0, asked.settings.alpha_ramp) if size else None
    found = Compared(
        name=asked.name,
        role=m.role or "guardrail",
        direction=m.direction or "lower",
        verdict=Call.UNKNOWN,
        treatment=_shown(x / n, flip=flip),
        estimate=x / n - limit,
        margin=0.0,
        limit=m.limit,
        log_e_harm=harm,
        log_e_safe=safe,
        n_treatment=int(n),
        shares=shares,
        eta=eta,
        needed=None if eta is None else round(eta * size),
        hard=_hard(cells, m),
        weight=m.weight or 1.0,
    )
    call = Call.UNKNOWN
    if harm >= asked.enough_harm and x / n > limit:
        call = Call.HARM
    elif safe >= asked.enough_safe:
        call = Call.SAFE
    return replace(found, verdict=call, reason=sentence(found, call, asked.enough_harm, asked.enough_safe))


def _call(asked: Asked, found: Compared, better: float) -> Call:
    """The words of 2.5; `harm` of a guardrail also needs the average over all of them (2.6)."""
    harm, safe = found.log_e_harm or 0.0, found.log_e_safe or 0.0
    margin, lower = found.margin or 0.0, found.lower if found.lower is not None else -1.0
    bound = lower > margin
    beyond = (
        bound if asked.settings.rollback == "beyond-margin" else bound or (found.estimate or 0.0) > margin
    )
    if harm >= asked.enough_harm and beyond:
        return Call.HARM
    if safe >= asked.enough_safe:
        if lower > 0:
            return Call.WORSE
        return Call.BETTER if better >= asked.enough_safe else Call.SAFE
    return Call.UNKNOWN


def _passes(asked: Asked, r0: float, extra: float) -> bool:
    """Whether the excess is within a margin that is widened by 1 / share (2.8)."""
    found = asked.evidence(r0, -1)
    return log_e_total(found, extra) >= asked.enough_safe


def _excess(cells: Cells) -> float:
    """Difference of the rates, weighted by exposure cell by cell."""
    used = cells.both
    weight = np.where(used, cells.nc * cells.nb / np.maximum(cells.nc + cells.nb, 1), 0.0)
    if not weight.sum():
        return 0.0
    each = cells.sc / np.maximum(cells.nc, 1) - cells.sb / np.maximum(cells.nb, 1)
    return float((weight * each).sum() / weight.sum())


def _eta(
    asked: Asked, cells: Cells, within: Increments, r0: float, extra: float
) -> tuple[int | None, int | None]:
    """Windows and units until it is safe at the present traffic, if the arms are alike (2.11)."""
    windows = min(LAST, len(cells.nc))
    nc, nb = float(cells.nc[-LAST:].sum()) / windows, float(cells.nb[-LAST:].sum()) / windows
    if not nc or not nb:
        return None, None
    rate = float(cells.sb.sum() / cells.nb.sum())
    step = increments([nc * rate], [nb * rate], [nc], [nb], r0, -1)
    found = until(within, step, extra, asked.settings.alpha_ramp)
    return found, None if found is None else round(found * nc)


def _one_arm_only(asked: Asked, cells: Cells) -> Compared:
    """Never a pass: a metric that one arm lacks, or that both have at different times only."""
    have = [role for role, n in (("treatment", cells.nc), ("control", cells.nb)) if n.sum()]
    if not have:
        return asked.blank("no row has it")
    lacks = {"treatment": "control", "control": "treatment"}
    why = f"no {lacks[have[0]]} row has it" if len(have) == 1 else "the arms never have it at the same time"
    return replace(asked.blank(why), n_control=int(cells.nb.sum()), n_treatment=int(cells.nc.sum()))


def _hard(cells: Cells, margin: Margin) -> int:
    """Windows in a row at the end in which the treatment was above the hard limit."""
    if margin.hard_limit is None:
        return 0
    n, x = cells.nc.sum(1), cells.sc.sum(1)
    full = n >= HARD
    over = (x[full] / n[full] > margin.hard_limit)[::-1]
    return int(np.argmin(over)) if not over.all() else len(over)


def _shown(rate: float, *, flip: bool) -> float:
    return 1 - rate if flip else rate


def _flattered(asked: Asked, safe: float, r0: float, extra: float) -> str:
    """Errors of a kind that only the control has make the treatment look better: said with the number."""
    if asked.name != "error-rate":
        return ""
    out = ""
    for status, _, b in one_sided_errors(asked.tables, asked.run, asked.kept):
        cells = asked.tables.cells("error-rate")
        kept, cut = asked.kept, slice(asked.run.first, asked.run.last)
        xb = np.maximum(cells.sb - b, 0.0)[cut][:, kept].sum(1)
        inc = increments(
            cells.sc[cut][:, kept].sum(1),
            xb,
            cells.nc[cut][:, kept].sum(1),
            cells.nb[cut][:, kept].sum(1),
            r0,
            -1,
        )
        without = log_e_total(inc, extra)
        out += (
            f"; status {status} comes in the control only and lifts the evidence of safety to {safe:.1f}: "
            f"without it {without:.1f}"
        )
    return out
