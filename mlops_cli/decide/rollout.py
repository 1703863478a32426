"""Comparison → what to do with traffic: ramp, promote, hold or roll back (`spec/rollout.md`, 2.7)."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_cli.result.comparison import Call, Compared, Comparison, Evidence, State
from mlops_cli.result.verdict import Action, Verdict

UNITS = ((86_400, "days"), (3_600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True)
class Rules:
    """The rules of a ramp, as configured; times in seconds."""

    steps: tuple[float, ...]
    growth: float
    min_units: int
    min_windows: int
    grace: int
    max_time: float
    on_timeout: str
    on_harm: str
    enough: float  # log of the evidence that a rollback needs


@dataclass(frozen=True)
class Decision:
    """The verdict, the shares that the evidence allows, and when more will be known."""

    verdict: Verdict
    allowed: tuple[float, ...] = ()
    eta: int | None = None


def decide(found: Comparison, rules: Rules) -> Decision:
    """Nothing that is not known passes; harm that is known does not wait."""
    for rule in (_no_traffic, _harmed, _unfit, _lacking, _warming_up):
        verdict, eta = rule(found, rules) or (None, None)
        if verdict is not None:
            return Decision(verdict, _allowed(found, rules), eta)
    return _forward(found, rules)


def _allowed(found: Comparison, rules: Rules) -> tuple[float, ...]:
    """Steps at which the bounded excess of every guardrail stays within its margin."""
    guards = found.of("guardrail")
    return tuple(s for s in rules.steps if guards and all(s in m.shares for m in guards))


def _forward(found: Comparison, rules: Rules) -> Decision:
    """As far as the evidence and the growth allow; else hold, and when more will be known."""
    guards, success = found.of("guardrail"), found.of("success")
    allowed = _allowed(found, rules)
    reach = [s for s in allowed if found.share < s <= min(rules.growth * found.share, 1.0)]
    last = rules.steps[-1]
    if reach and reach[-1] == last and success and not any(m.verdict is Call.BETTER for m in success):
        reach = reach[:-1]  # the last step is for what was promised
    if reach:
        return Decision(_go(found, reach[-1], guards, last), allowed)
    unknown = [m for m in guards if not m.verdict.passes]
    unknown = unknown or [m for m in success if m.verdict is not Call.BETTER]
    late = found.elapsed > rules.max_time
    if late and rules.on_timeout == "rollback":
        return Decision(_back(found, "time-limit", unknown, rules), allowed)
    return Decision(_undecided(found, unknown, late=late), allowed, _eta(unknown))


Answer = tuple[Verdict, int | None] | None


def _no_traffic(found: Comparison, rules: Rules) -> Answer:
    for arm, windows in found.silent.items():
        if windows < 0 or windows > rules.grace:
            why = f"no row of {arm}" + (f" for {windows} windows" if windows > 0 else "")
            return _hold("no-traffic", why, "see whether traffic is routed and logged"), None
    return None


def _harmed(found: Comparison, rules: Rules) -> Answer:
    """Before everything that waits: the evidence is exact, however little there is of it."""
    hard = [m for m in found.metrics if m.hard >= 2]
    if hard:
        return _back(found, "hard-limit", hard, rules), None
    harm = [m for m in found.of("guardrail") if m.verdict is Call.HARM]
    if found.log_e_all >= rules.enough and harm:
        return _back(found, "harm", harm, rules), None
    return None


def _unfit(found: Comparison, rules: Rules) -> Answer:  # noqa: ARG001 - one shape for all rules
    """The arms cannot be compared, whatever the numbers say."""
    health = found.health

    def note(word: str) -> str:
        return next((n for n in health.notes if word in n), "")

    if health.state is State.SRM:
        return _hold("srm", note("traffic split"), "find out who routes otherwise, or give the --share"), None
    if health.state is State.CONTAMINATED:
        return _hold("contaminated", note("met both"), "make routing sticky, or choose another --unit"), None
    if health.state is State.CONFOUNDED:
        worst = max(health.confounded, key=lambda s: s.held_errors)
        why = f"{worst.text} is routed one way and held {worst.held_errors:.0%} of an arm's errors"
        return _hold(f"confounded:{worst.text}", why, "route it like the rest"), None
    return None


def _lacking(found: Comparison, rules: Rules) -> Answer:  # noqa: ARG001 - one shape for all rules
    """A guardrail without data in an arm, or none at all."""
    guards = found.of("guardrail")
    lacks = dict(found.missing or {})
    for m in guards:
        if not m.n_treatment or (found.control and not m.n_control):
            lacks[m.name] = m.reason
    for name, why in lacks.items():
        do = "log it, or make it no guardrail"
        return _hold(f"missing:{name}", f"{name}: {why}", do), None
    if guards:
        return None
    if found.evidence is Evidence.ABSOLUTE:
        do = "set [rollout.metrics] error-rate = { limit = 0.02 }, or name a --control"
        return _hold("no-limits", "no metric has a limit to be held to", do), None
    return _hold("missing:guardrail", "no status, output or latency in these logs", "log one of them"), None


def _warming_up(found: Comparison, rules: Rules) -> Answer:
    """Too early in this step: with the windows still to come."""
    wait = rules.min_windows - found.windows_in_step
    lack = rules.min_units - found.units_in_step
    if wait <= 0 and lack <= 0:
        return None
    each = found.units_in_step / found.windows_in_step if found.windows_in_step else 0.0
    for_units = int(-(-lack // each)) if lack > 0 and each else 0
    why = (
        f"{found.units_in_step:,} units and {found.windows_in_step} windows at this share, "
        f"{rules.min_units:,} and {rules.min_windows} are wanted"
    )
    eta = max(wait, for_units, 1)
    return _hold("warming-up", why, f"wait about {eta} windows"), eta


def _undecided(found: Comparison, unknown: Sequence[Compared], *, late: bool) -> Verdict:
    if not unknown:  # every guardrail is safe; what holds is the growth, or the last step is reached
        return _hold(
            "share", f"{_percent(found.share)} is as far as the steps go now", "wait, or change the steps"
        )
    slowest = max(unknown, key=lambda m: (m.eta is None, m.eta or 0))
    more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
    eta = _eta(unknown)
    when = (
        "at the present traffic this will not be known: raise the share, or the margin"
        if eta is None
        else f"wait: about {eta:,} more windows ({_span(eta * found.window_seconds)}) if it is no worse, "
        "in nine cases of ten at most twice that"
    )
    reason = "time-limit" if late else f"unknown:{slowest.name}"
    return _hold(reason, f"{slowest.name}: {slowest.reason}{more}", when, slowest)


def _span(seconds: float) -> str:
    """How long that is: `9 h`, in the unit of which it is at least two."""
    size, name = next(((n, w) for n, w in UNITS if seconds >= 2 * n), UNITS[-1])
    return f"{seconds / size:,.0f} {name}"


def _eta(unknown: Sequence[Compared]) -> int | None:
    etas = [m.eta for m in unknown]
    return None if any(e is None for e in etas) else max((e or 0 for e in etas), default=None)


def _hold(code: str, why: str, do: str, *of: Compared) -> Verdict:
    return Verdict(Action.HOLD, f"{code} — {why}" if why else code, do, because=tuple(m.name for m in of))


def _go(found: Comparison, share: float, guards: Sequence[Compared], last: float) -> Verdict:
    """The next share, and that nothing beyond a margin would come with it."""
    worse = [m.name for m in guards if m.verdict is Call.WORSE]
    but = f"; worse within its margin: {', '.join(worse)}" if worse else ""
    why = f"{len(guards)} guardrails allow {_percent(share)}{but}"
    if share == last:
        rest = f", keep {found.control} on the rest," if share < 1 else ""
        do = f"give {found.treatment} {_percent(share)} of traffic{rest} and watch it"
        return Verdict(Action.PROMOTE, why, do, traffic=share)
    return Verdict(Action.RAMP, why, f"give {found.treatment} {_percent(share)} of traffic", traffic=share)


def _back(found: Comparison, code: str, of: Sequence[Compared], rules: Rules) -> Verdict:
    culprits = [m for m in of if m.culprit] or list(of)
    names = ",".join(m.name for m in culprits)
    reason = f"{code}:{names}" if names else code
    why = "; ".join(f"{m.name}: {m.reason}" for m in culprits[:2])
    if rules.on_harm == "freeze" and code != "time-limit":
        return _hold(reason, why, "frozen: on_harm asks for no rollback; people decide", *culprits)
    to = f"back to {found.control}" if found.control else "off"
    return Verdict(
        Action.ROLLBACK,
        f"{reason} — {why}" if why else reason,
        f"take {found.treatment} {to}",
        traffic=0.0,
        because=tuple(m.name for m in culprits),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
