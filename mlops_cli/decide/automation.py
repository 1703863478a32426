"""Gates → degree of automation: what the evidence supports, and what is to be set now.

At most one step up at a time; back at once and as far as needed. Evidence says how good the model is and
bounds what is supported; how it is run (confirmation, audits, limits) bounds only what is recommended.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_cli.result.automation import Answer, Degrees, Gate
from mlops_cli.result.verdict import Action, Degree, Verdict

ORDER = tuple(
    d.value for d in (Degree.HUMAN_ONLY, Degree.SHADOW, Degree.ASSISTED, Degree.PARTIAL, Degree.FULL)
)
FREE = "not-measured"  # a gate whose input the logs do not have is named, and holds nothing up
NEXT = {
    "human-only": "log the model's output beside people's decisions, hidden from them",
    "shadow": "go on comparing the hidden output with people's decisions",
    "assisted": "show the output to people{where}; log what they decide before and after (initial_decision)",
    "partial": "automate decisions at confidence {threshold} or more, the rest goes to people; audit {audit}",
    "full": "automate every decision; audit {audit}, blindly",
}


@dataclass(frozen=True)
class Run:
    """What else the verdict needs to know.

    `compared`: anything could be compared; `threshold` of the certificate, None without one; `everything`: it
    covers every case; `audit_share`; `kept`: slices that stay with people; `minimum` and `agreement`: what
    `--min-degree` and `--min-agreement` ask for (empty, None: nothing) and the raw agreement found.
    """

    compared: bool
    threshold: float | None
    everything: bool
    audit_share: float
    kept: tuple[str, ...] = ()
    minimum: str = ""
    least_agreement: float | None = None
    agreement: float | None = None


def supported(gates: Sequence[Gate]) -> tuple[str, tuple[Gate, ...]]:
    """The highest degree whose evidence passes, and the gates that bar the next one."""
    reached = ORDER[0]
    for degree in ORDER[1:]:
        barring = tuple(g for g in gates if g.degree == degree and g.evidence and not _open(g))
        if barring:
            return reached, barring
        reached = degree
    return reached, ()


def degrees(gates: Sequence[Gate], current: str, with_kept: str = "") -> tuple[Degrees, bool]:
    """What is supported and what is recommended; and whether a lower degree is left undecided.

    Parameters
    ----------
    gates : of every degree
    current : degree now
    with_kept : what would be supported if the failing slices stayed with people

    """
    found, barring = supported(gates)
    here, there = ORDER.index(current), ORDER.index(found)
    if there < here:
        return _back(gates, current, found, barring, with_kept)
    down = _watch(gates, current)
    if down:
        lower = ORDER[max(here - 1, 0)]
        return Degrees(current, found, lower, tuple(g.reason for g in down), with_kept), False
    if there == here:
        return Degrees(current, found, current, _reasons(barring), with_kept), False
    above = ORDER[here + 1]
    held = [g for g in gates if g.degree == above and not g.evidence and not _open(g)]
    if above == Degree.SHADOW.value:
        held = [g for g in held if g.name != "hidden" or g.status is Answer.FAIL]
    # Confirmation first: it is what a next run can bring.
    held.sort(key=lambda g: g.name != "confirm")
    reasons = _reasons([g for g in held if g.name != "blinding"] or held) or _reasons(barring)
    return Degrees(current, found, current if held else above, reasons, with_kept), False


def _back(
    gates: Sequence[Gate], current: str, found: str, barring: Sequence[Gate], with_kept: str
) -> tuple[Degrees, bool]:
    """Down to what is supported where a gate fails; where it is only unknown, the degree stays, undecided."""
    wanted = ORDER[ORDER.index(found) + 1 : ORDER.index(current) + 1]
    failing = [g for g in gates if g.degree in wanted and g.evidence and g.status is Answer.FAIL]
    if not failing:
        watched = _watch(gates, current)
        lower = ORDER[ORDER.index(current) - 1] if watched else current
        return Degrees(current, found, lower, _reasons([*watched, *barring]), with_kept), not watched
    # As far as the lowest degree that fails: below it nothing speaks against the degree.
    lowest = min(ORDER.index(g.degree) for g in failing) - 1
    watched = _watch(gates, current)
    return Degrees(current, found, ORDER[lowest], _reasons([*failing, *watched]), with_kept), False


def _watch(gates: Sequence[Gate], current: str) -> list[Gate]:
    """What calls an automated degree back although the evidence holds: an alarm of the audits, or none."""
    if current not in {Degree.PARTIAL.value, Degree.FULL.value}:
        return []
    return [g for g in gates if g.name == "audits" and g.status is Answer.FAIL]


def _open(gate: Gate) -> bool:
    return gate.status is Answer.PASS or (gate.status is Answer.UNKNOWN and gate.reason == FREE)


def _reasons(gates: Sequence[Gate]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(g.reason or g.name for g in gates))


def verdict(gates: Sequence[Gate], said: Degrees, run: Run, *, undecided: bool) -> tuple[Verdict, int]:
    """The verdict of `automation`, and its exit code: 0 may stand or rise, 1 lower or failed, 3 undecided."""
    failed = _failed(said, run)
    moved = said.recommended != said.current
    lower = ORDER.index(said.recommended) < ORDER.index(said.current)
    unknown = undecided or not run.compared or (run.least_agreement is not None and run.agreement is None)
    code = 1 if lower or failed else 3 if unknown else 0
    action = Action.SET_DEGREE if moved else Action.HOLD if code == 3 else Action.NONE
    reason = "; ".join([*failed, _why(gates, said, run, undecided=undecided)])
    return Verdict(action, reason, _next(gates, said, run), degree=Degree(said.recommended)), code


def _failed(said: Degrees, run: Run) -> list[str]:
    out = []
    if run.minimum and ORDER.index(said.supported) < ORDER.index(run.minimum):
        out.append(f"the evidence supports {said.supported}, less than --min-degree {run.minimum}")
    if run.least_agreement is not None and run.agreement is not None and run.agreement < run.least_agreement:
        out.append(
            f"agreement {100 * run.agreement:.1f} %, --min-agreement {100 * run.least_agreement:.1f} %"
        )
    return out


def _why(gates: Sequence[Gate], said: Degrees, run: Run, *, undecided: bool) -> str:
    if not run.compared:
        return "nothing could be compared"
    bars = [g for g in gates if (g.reason or g.name) in said.reason and g.status is not Answer.PASS]
    because = f": {bars[0].message}" if bars else ""
    if ORDER.index(said.recommended) < ORDER.index(said.current):
        return f"back from {said.current} to {said.recommended}{because}"
    if undecided:
        return f"{said.current} is kept, undecided{because}"
    if said.recommended != said.current:
        more = f"; the evidence supports {said.supported}" if said.supported != said.recommended else ""
        return f"from {said.current} to {said.recommended}, one step at a time{more}"
    if said.supported != said.current:
        return f"the evidence supports {said.supported}, but {said.current} is kept{because}"
    return f"the evidence supports {said.current}{because}"


def _next(gates: Sequence[Gate], said: Degrees, run: Run) -> str:
    """What to do: of the degree that is recommended, or what is missing for the next one."""
    if said.recommended == said.current:
        bars = [g for g in gates if (g.reason or g.name) in said.reason and g.status is not Answer.PASS]
        if bars and bars[0].n_needed:
            return f"{bars[0].name}: about {bars[0].n_needed:,} more items are needed"
        if bars and bars[0].reason == "confirm":
            return bars[0].message
        if said.with_kept and ORDER.index(said.with_kept) > ORDER.index(said.supported):
            return f"with {', '.join(run.kept)} kept with people (--keep) {said.with_kept} is supported"
        if bars:
            return bars[0].message
        return f"stay at {said.current} and audit a random {100 * run.audit_share:.0f} % of what is automated"
    where = "" if run.threshold is None or run.everything else f" at confidence {run.threshold:.6g} or more"
    step = NEXT[said.recommended].format(
        where=where,
        threshold="any" if run.threshold is None else f"{run.threshold:.6g}",
        audit=f"a random {100 * run.audit_share:.0f} %",
    )
    kept = f"; keep {', '.join(run.kept)} with people" if run.kept and said.recommended != "shadow" else ""
    return step + kept
