"""A comparison of two arms and what follows from it → the Report of `canary` and `blue-green`."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import exp
from typing import Any

from mlops_cli import __version__
from mlops_cli.cli.rollout import Compared, replay
from mlops_cli.config.load import digest
from mlops_cli.judge.plan import plan_answers
from mlops_cli.judge.say_arms import LOGS
from mlops_cli.logs.told import source
from mlops_cli.result.comparison import Call
from mlops_cli.result.comparison import Compared as Metric
from mlops_cli.result.finding import Finding, Judgement, Level, Rule, Status, by_severity
from mlops_cli.result.report import Report, Source, Table
from mlops_cli.result.rollout import Rollout
from mlops_cli.result.scope import Scope, Window, from_iso
from mlops_cli.result.verdict import Action, Verdict

SECOND = 1_000_000
GO = (Action.RAMP, Action.PROMOTE, Action.READY, Action.REMOVE_OLD)
BACK = (Action.ROLLBACK, Action.NOT_READY)
GROUPS = {"log-latency": "software", "slow-share-p90": "software", "slow-share-p99": "software"}
GROUPS |= {"error-rate": "software", "client-error-rate": "software"}
ADVICE = "compare what the new version does otherwise: its code, model, data and machines"


def exit_code(action: Action, undecided: str) -> int:
    """0 go, 1 back, 3 hold, or what `--undecided` makes of it."""
    if action in GO:
        return 0
    if action in BACK:
        return 1
    return {"pass": 0, "fail": 1}.get(undecided, 3)


def report(
    c: Compared,
    command: str,
    clock: datetime,
    *,
    verdict: Verdict | None = None,
    more: Mapping[str, Any] | None = None,
) -> Report:
    """The whole answer of one run.

    Parameters
    ----------
    command : `canary` or `blue-green`
    clock : now
    verdict : of a phase that decides otherwise; None: that of the ramp
    more : fields of the details: `phase`, `answers`, `evidence`

    """
    said = _arms_named(verdict or c.decision.verdict, c)
    now = _now(c) or clock
    code = exit_code(said.action, c.unit.settings.gate.undecided)
    judgement = _judgement(c, said)
    details = Rollout(
        comparison=c.comparison,
        next_share=said.traffic if said.action in (Action.RAMP, Action.PROMOTE) else None,
        allowed_shares=c.decision.allowed,
        eta_windows=c.decision.eta,
        alpha={"rollback": c.asked.alpha_rollback, "ramp": c.asked.alpha_ramp, "srm": c.asked.alpha_srm},
        steps=c.asked.steps,
        plan=plan_answers(c.tables, c.asked, c.comparison) if c.arms.plan else None,
        choices=_choices(c),
        **{k: v for k, v in (more or {}).items() if k in {"phase", "answers"}},
    )
    return Report(
        command=command,
        version=__version__,
        generated=clock if not c.ask.now else now,
        now=now,
        exit_code=code,
        level=judgement.level,
        verdict=said,
        judgement=judgement,
        sources=tuple(_sources(c)),
        details={"rollout": details.to_dict()},
        tables=tuple(t for t in _tables(c) if t.rows),
        quarantine=tuple(b for p in c.unit.logs.parts for b in p.bad),
        notes=_notes(c),
        digests={k: v for k, v in (("settings", _settings(c)), ("decisions", c.ledger.digest)) if v},
    )


def _now(c: Compared) -> datetime | None:
    """As asked, else the time of the arms' newest record, else of any."""
    at = c.now or c.counts.newest
    if at:
        return datetime.fromtimestamp(at / SECOND, UTC)
    return max((p.end for p in c.unit.logs.parts if p.end is not None), default=None)


def _arms_named(verdict: Verdict, c: Compared) -> Verdict:
    """Where no row has the name of an arm the next step is a look at the names."""
    absent = [n for n in c.counts.notes if n.startswith("no row of ")]
    if verdict.action is not Action.HOLD or not absent:
        return verdict
    said = "see whether traffic is routed and logged, and whether the arms are named as in the logs"
    return replace(verdict, next_step=f"{said}: {'; '.join(absent)}")


def _settings(c: Compared) -> str:
    """Of the configuration with what was asked laid over it."""
    text = json.dumps(
        [digest(c.loaded.settings), c.asked.model_dump(), c.ask.segments], sort_keys=True, default=str
    )
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _judgement(c: Compared, verdict: Verdict) -> Judgement:
    """Harm is an alarm, worse within its margin a warning; what is only watched does not block."""
    metrics = c.comparison.metrics
    found = [f for m in metrics for f in _finding(c, m)]
    level = max((f.level for f in found), default=Level.OK)
    if verdict.action is Action.HOLD:
        level = max(level, Level.UNKNOWN)
    unknown = sum(m.verdict is Call.UNKNOWN for m in metrics)
    return Judgement(level, len(metrics) - unknown, unknown, tuple(sorted(found, key=by_severity)))


def _finding(c: Compared, m: Metric) -> list[Finding]:
    levels = {Call.HARM: Level.ALARM if m.role == "guardrail" else Level.WARNING, Call.WORSE: Level.WARNING}
    if m.verdict not in levels or not c.comparison.windows[0]:
        return []
    window = Window(*(from_iso(w) for w in c.comparison.windows))
    return [
        Finding(
            code=m.name,
            group=GROUPS.get(m.name, "output"),
            level=levels[m.verdict],
            status=Status.OPEN,
            rule=Rule.RELATIVE if m.control is not None else Rule.FIXED,
            scope=Scope(model=c.unit.name, arm=c.comparison.treatment),
            window=window,
            since=from_iso(m.since) if m.since else window.start,
            value=m.treatment,
            unit=m.unit,
            n=m.n_treatment,
            low=_with(m, m.lower),
            high=_with(m, m.upper),
            reference=m.control,
            threshold=m.limit if m.control is None else _with(m, m.margin),
            message=f"{m.name} of {c.comparison.treatment}: {m.reason}",
            advice=ADVICE,
        )
    ]


def _with(m: Metric, excess: float | None) -> float | None:
    """The control's value with an excess, which is positive where it is worse."""
    if m.control is None or excess is None:
        return None
    if m.name in LOGS:
        return m.control * exp(min(excess, 100.0))
    down = m.direction == "higher" or (m.direction == "both" and excess == m.margin and (m.estimate or 0) < 0)
    return m.control - excess if down else m.control + excess


def _choices(c: Compared) -> tuple[str, ...]:
    """What was chosen, each with the option that changes it."""
    found = c.comparison
    size = _length(found.window_seconds)
    arms = (
        f"{found.control} (control) and {found.treatment} (treatment)" if found.control else found.treatment
    )
    out = [
        f"arms: {arms} (--control, --treatment)",
        f"windows of {size}: {found.n_windows} compared (--window, --since, --until)",
        c.plan_said,
    ]
    if not found.control:
        out.append("no control: the evidence is absolute; a bad day of the whole service counts against it")
    out += [f"{name}: {frozen.said}" for name, frozen in c.counts.frozen.items() if frozen.said]
    return tuple(out)


def _length(size: float) -> str:
    for word, unit in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if size >= unit and not size % unit:
            return f"{size / unit:.0f}{word}"
    return f"{size:g}s"


def _notes(c: Compared) -> tuple[str, ...]:
    found = c.comparison
    out = [*found.health.notes, *(n for n in c.counts.notes if not n.startswith("arms:"))]
    left = ", ".join(f"{why} {rows:,}" for why, rows in found.excluded.items())
    if left:
        out.append(f"rows of {found.treatment} that do not count: {left}")
    out += [f"{name} is not measured: {why}" for name, why in c.counts.missing.items()]
    out += [*c.unit.found.notes, *c.unit.logs.notes]
    out += c.unit.found.passed_over()
    if c.note:
        out.append(c.note)
    return tuple(dict.fromkeys(out))


def _sources(c: Compared) -> list[Source]:
    return [source(part) for part in c.unit.logs.parts]


COLUMNS = (
    "metric", "role", "verdict", "control", "treatment", "estimate", "lower", "upper", "margin",
    "log_e_harm", "log_e_safe", "n_control", "n_treatment", "eta",
)  # fmt: skip


def _tables(c: Compared) -> Sequence[Table]:
    rows = [
        (
            m.name, m.role, m.verdict.value, m.control, m.treatment, m.estimate, m.lower, m.upper, m.margin,
            m.log_e_harm, m.log_e_safe, m.n_control, m.n_treatment, m.eta,
        )
        for m in c.comparison.metrics
    ]  # fmt: skip
    out = [Table("arms", "Both arms, metric by metric", COLUMNS, tuple(rows))]
    if c.arms.replay:
        steps = [
            (
                found.windows[1],
                found.share,
                decision.verdict.action.value,
                decision.verdict.reason.partition(" — ")[0],
                found.log_e_all,
                decision.verdict.traffic,
            )
            for found, decision in replay(c)
        ]
        names = ("until", "share", "action", "reason", "log_e_all", "traffic")
        out.append(Table("replay", "The verdict after every window", names, tuple(steps)))
    return out
