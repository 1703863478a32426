"""Which component is to be repaired first."""

from collections.abc import Mapping, Sequence

from mlops_cli.result.exit_code import ExitCode
from mlops_cli.result.pipeline import Node, Trouble
from mlops_cli.result.verdict import Action, Verdict

SHOWN = 3


def verdict(
    troubles: Sequence[Trouble],
    nodes: Sequence[Node],
    errors: Mapping[str, int],
    cannot: str,
    undecided: str = "",
) -> tuple[Verdict, ExitCode]:
    """What is at fault, and the exit code.

    Parameters
    ----------
    troubles : the oldest first
    nodes : all components
    errors : component → failures that started there
    cannot : why no cause can be named
    undecided : `pass`, `fail` or empty (3)

    """
    over = [n for n in nodes if n.within_budget is False]
    budget = "".join(f"; {n.name} takes {n.self_p95_ms:.3g} ms of {n.budget_ms:.3g} ms" for n in over)
    started = "; errors started in " + ", ".join(f"{n} ({k})" for n, k in errors.items() if k)
    told = (started if any(errors.values()) else "") + budget
    none = ExitCode.UNDECIDED if not undecided else {"pass": ExitCode.PASS}.get(undecided, ExitCode.FAIL)
    if not any(n.spans for n in nodes):
        step = "log spans with component, parent and request_id, or name the components in the configuration"
        return Verdict(Action.HOLD, "undecided: no span names a component", step), none
    if cannot:
        return Verdict(
            Action.HOLD, f"undecided: cannot tell which component is at fault: {cannot}{told}"
        ), none
    held = [t for t in troubles if t.open]
    sure = [t for t in held if t.confirmed]
    if sure:
        return Verdict(Action.FIX_PIPELINE, f"{said(sure[0])}{told}", _step(sure[0])), ExitCode.FAIL
    if held:
        reason = f"suspicion, as no alarm of the monitor agrees: {said(held[0])}{told}"
        return Verdict(Action.INVESTIGATE, reason, _step(held[0])), ExitCode.PASS
    past = [t for t in troubles if t.confirmed]
    if past:
        shown = "; ".join(said(t) for t in past[-SHOWN:])
        return Verdict(Action.NONE, f"nothing is wrong now; recovered: {shown}{told}"), ExitCode.PASS
    return Verdict(Action.NONE, f"nothing is wrong{told}"), ExitCode.PASS


def said(trouble: Trouble) -> str:
    """`featurize is the first at fault, 2026-10-18 to 2026-10-19: self-time-p50 28 ms (usual 8 ms)`."""
    days = f"{_minute(trouble.since)} to {'now' if trouble.open else _minute(trouble.until)}"
    where = f"{trouble.first} is the first at fault"
    if trouble.first == "outside":
        where = "it came from outside"
    elif trouble.kind == "input":
        where = f"the hand-over to {trouble.first} is the first at fault"
    numbers = ""
    if trouble.value is not None and trouble.usual is not None:
        unit = f" {trouble.unit}" if trouble.unit == "ms" else ""
        numbers = f" {trouble.value:.3g}{unit} (usual {trouble.usual:.3g}{unit})"
    rest = "".join(f"; {name} only inherits it" for name in trouble.inherits)
    return f"{where}, {days}: {trouble.metric}{numbers}{rest}"


def _minute(text: str) -> str:
    return text[:16].replace("T", " ")


def _step(trouble: Trouble) -> str:
    if trouble.first == "outside":
        return "ask who sends the requests what changed at that time"
    return f"see what was released or changed in {trouble.first} at that time"
