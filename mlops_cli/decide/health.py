"""Judgement → Verdict of `monitor`: is the model healthy, and what is to be done first."""

from mlops_cli.result.exit_code import ExitCode
from mlops_cli.result.finding import Finding, Judgement, Level, Status
from mlops_cli.result.verdict import Action, Verdict

# What no data set does by itself: something between the world and the model is broken.
BROKEN = frozenset(
    {
        "missing-rate", "empty-rate", "out-of-range", "infinite-rate", "unseen-rate", "type-change",
        "field-vanished", "duplicate-rate", "bad-time-rate", "volume", "top-share",
    },
)  # fmt: skip


def health(
    judgement: Judgement, code: ExitCode, unknown: tuple[str, ...], helps: str = "", *, compared: bool = True
) -> Verdict:
    """What to do about a judgement.

    Parameters
    ----------
    judgement : of the judged range
    code : the exit code it comes to
    unknown : required metrics that could not be judged, each with its reason
    helps : what would make them known, where that is known
    compared : there was a baseline; without one, only what needs none was checked

    """
    held = [f for f in judgement.findings if f.status is not Status.RECOVERED]
    alarms = [f for f in held if f.level is Level.ALARM]
    if alarms:
        return _act(alarms)
    if code is ExitCode.UNDECIDED or (not judgement.checked):
        why = "; ".join(unknown) or "nothing could be checked"
        return Verdict(Action.HOLD, f"undecided: {why}", helps or "see what could not be judged, and why")
    if held:
        first = held[0]
        return Verdict(
            Action.NONE,
            f"no alarm is open; {_count(len(held), 'warning')} open: {first.message}",
            f"watch it: {first.advice}",
            because=tuple(f.id for f in held),
        )
    past = len(judgement.findings)
    if not compared and not past:
        return Verdict(
            Action.NONE,
            f"no fault in {_count(judgement.checked, 'check')}, but nothing was compared: no baseline",
            "name a baseline (--baseline PATH), or wait for 4 whole windows",
        )
    reason = f"{judgement.checked} checks passed" if not past else f"{_count(past, 'finding')}, recovered"
    return Verdict(Action.NONE, f"healthy: {reason}")


def _act(alarms: list[Finding]) -> Verdict:
    """The alarms that point to a fault are repaired first; a change of the world is looked into."""
    faults = [f for f in alarms if f.code in BROKEN or f.group == "software"]
    action = Action.FIX_PIPELINE if faults else Action.INVESTIGATE
    first = (faults or alarms)[0]
    more = f" and {_count(len(alarms) - 1, 'more alarm')}" if len(alarms) > 1 else ""
    return Verdict(action, f"{first.message}{more}", first.advice, because=tuple(f.id for f in alarms))


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}{'s' if n != 1 else ''}"
