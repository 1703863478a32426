"""Blue and green: ready, not ready, switched, watched, and when the old version may go (2.10)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlops_cli.decide.rollout import Decision, Rules, decide
from mlops_cli.result.comparison import Call, Comparison, Evidence, State
from mlops_cli.result.verdict import Action, Verdict

SWITCHED = 0.9  # from this share on, green is what serves


def phase_of(found: Comparison, pairs: int, alone: int) -> str:
    """Before the switch green only answers what blue answers, too; after it, it has nearly all traffic."""
    if pairs > alone:
        return "ready"
    return "watch" if found.share >= SWITCHED else "switch"


def ready(found: Comparison, answers: Mapping[str, Any], rules: Rules) -> Decision:
    """May green get traffic at all? Judged on requests that both answered."""
    refused = _harmful(found, answers, rules)
    if refused:
        return Decision(refused)
    waiting = _not_yet(found, answers, rules)
    if waiting:
        return Decision(_hold(*waiting))
    guards = len(found.of("guardrail"))
    why = f"{found.units_in_step:,} pairs, {guards} guardrails hold; {answers['said']}"
    return Decision(Verdict(Action.READY, why, f"switch to {found.treatment} step by step"))


def _harmful(found: Comparison, answers: Mapping[str, Any], rules: Rules) -> Verdict | None:
    harm = [m for m in found.of("guardrail") if m.verdict is Call.HARM]
    if found.log_e_all >= rules.enough and harm:
        named = [m for m in harm if m.culprit] or harm
        why = "; ".join(f"{m.name}: {m.reason}" for m in named)
        because = tuple(m.name for m in named)
        return _not_ready(f"harm:{','.join(because)} — {why}", found, because)
    if answers["verdict"] == "harm":
        return _not_ready(f"answers — {answers['said']}", found, ("answers",))
    return None


def _not_yet(found: Comparison, answers: Mapping[str, Any], rules: Rules) -> tuple[str, str, str] | None:
    """Code, why, and what to do, while something is not known."""
    guards, more = found.of("guardrail"), "mirror more requests"
    unknown = [m for m in guards if not m.verdict.passes]
    lack = rules.min_units - found.units_in_step
    if not found.units_in_step:
        do = f"mirror requests of {found.control} to {found.treatment}, or replay them, with their request_id"
        return "no-pairs", "no request was answered by both", do
    if lack > 0:
        why = f"{found.units_in_step:,} pairs, {rules.min_units:,} are wanted"
        return "warming-up", why, f"mirror {lack:,} more requests"
    if not guards:
        return "missing:guardrail", "the pairs have no status, output or latency", "log one of them"
    if unknown:
        return f"unknown:{unknown[0].name}", f"{unknown[0].name}: {unknown[0].reason}", more
    return ("unknown:answers", answers["said"], more) if answers["verdict"] == "unknown" else None


def switch(found: Comparison, rules: Rules) -> Decision:
    """The ramp, up to all but the holdback."""
    steps = tuple(s for s in rules.steps if s < 1.0)
    if not steps or steps[-1] < SWITCHED:
        steps = rules.steps
    return decide(found, replace(rules, steps=steps))


def watch(found: Comparison, rules: Rules, windows: int) -> Decision:
    """Green serves: roll back at once where it harms, let the old version go where it is known not to.

    Parameters
    ----------
    found : against the holdback; without one against the days before
    windows : to watch at least

    """
    first = decide(found, replace(rules, min_windows=1, max_time=float("inf")))
    if first.verdict.action is Action.ROLLBACK or found.health.state in (State.SRM, State.CONTAMINATED):
        return first
    if first.verdict.reason.startswith(("no-traffic", "confounded", "missing", "harm", "hard-limit")):
        return first
    left = windows - found.windows_in_step
    unknown = [m for m in found.of("guardrail") if not m.verdict.passes]
    if left > 0 or unknown:
        slow = max((m.eta or 0 for m in unknown), default=0)
        never = any(m.eta is None for m in unknown)
        eta = None if never else max(left, slow)
        why = f"{found.windows_in_step} of {windows} windows watched"
        if unknown:
            why += f"; {unknown[0].name}: {unknown[0].reason}"
        do = f"keep {found.control} warm"
        if found.evidence is Evidence.BEFORE_AFTER:
            do += "; a holdback of 2 % would show more, and sooner"
        code = f"watching:{unknown[0].name}" if unknown else "watching"
        return Decision(_hold(code, why, do), first.allowed, eta)
    why = f"{found.windows_in_step} windows watched, {len(found.of('guardrail'))} guardrails hold"
    said = Verdict(Action.REMOVE_OLD, why, f"{found.control} may go")
    return Decision(said, first.allowed)


def _hold(code: str, why: str, do: str) -> Verdict:
    return Verdict(Action.HOLD, f"{code} — {why}", do)


def _not_ready(reason: str, found: Comparison, because: tuple[str, ...]) -> Verdict:
    return Verdict(Action.NOT_READY, reason, f"{found.treatment} gets no traffic", because=because)
