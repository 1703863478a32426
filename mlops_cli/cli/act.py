"""What follows a decision on traffic: it is said, emitted for what acts on it, and recorded."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from mlops_cli.cli.arms import Arms
from mlops_cli.cli.ask import Ask
from mlops_cli.cli.asked import ready
from mlops_cli.cli.options import Output
from mlops_cli.cli.say import say, targets, write
from mlops_cli.decide.retrain import helped
from mlops_cli.errors import unknown
from mlops_cli.ledger.decisions import amend, append, beside, read
from mlops_cli.render.registry import EMITTERS
from mlops_cli.result.verdict import Action

if TYPE_CHECKING:
    from mlops_cli.result.report import Report

OVER = (Action.PROMOTE, Action.ROLLBACK)
RECORDED = (Action.RAMP, Action.PROMOTE, Action.ROLLBACK)


def act(ask: Ask, arms: Arms, output: Output, run: Callable[[], "Report"]) -> int:
    """Run, say, emit, record; the exit code is the report's."""
    loaded = ready(ask)
    if arms.explain or arms.replay or arms.plan:
        output = replace(output, verbose=True)
    to = targets(output, loaded.settings.report.outputs, loaded.folder)
    kinds = _kinds(arms.emit)
    said = run()
    alone = [kind for kind, path in kinds if path is None]
    if alone:  # one kind on standard output, as a program reads it
        for kind in alone:
            EMITTERS[kind](said, sys.stdout)
        code = said.exit_code
    else:
        code = say(said, output, to)
    for kind, path in kinds:
        if path is not None:
            write(path, partial(_emit, kind, said))
    if arms.record:
        record(said, loaded.folder)
        close(said, loaded.folder)
    return code


def record(said: "Report", folder: str) -> None:
    """The share that was recommended, so that the next look tests the split against it."""
    verdict, found = said.verdict, said.details["rollout"]
    if verdict.action not in RECORDED:
        return
    since: datetime = said.generated
    append(
        beside(folder),
        "ramp",
        {
            "share": float(verdict.traffic or 0.0),
            "since": since,
            "treatment": found["treatment"],
            "control": found["control"] or None,
            "action": verdict.action.value,
            "reason": verdict.reason.partition(" — ")[0],
        },
    )


def close(said: "Report", folder: str) -> None:
    """The canary of the last retrain is over: what it says of the retrain goes into its entry.

    The gain is of `wrong-rate`, both models side by side; where no label tells it, `helped` is left out.
    """
    action, found = said.verdict.action, said.details["rollout"]
    past = read(beside(folder)).of("retrain")
    if action not in OVER or not past or past[-1].get("canary") != "open":
        return
    wrong = next((m for m in found["metrics"] if m["name"] == "wrong-rate"), None)
    ended: dict[str, Any] = {"canary": action.value}
    if wrong is not None and None not in (wrong["estimate"], wrong["lower"], wrong["upper"]):
        gain, low, high = (-float(wrong[k]) for k in ("estimate", "upper", "lower"))
        answer = helped(gain, low, high, float(past[-1].get("drop", 0.0)))
        ended |= {"gain": gain, "helped": {True: "yes", False: "no", None: "unclear"}[answer]}
    amend(beside(folder), "retrain", ended)


def _kinds(texts: Sequence[str]) -> list[tuple[str, Path | None]]:
    out: list[tuple[str, Path | None]] = []
    for text in texts:
        kind, _, path = text.partition("=")
        if kind not in EMITTERS:
            raise unknown("kind to emit", kind, EMITTERS, "--emit")
        out.append((kind, Path(path) if path else None))
    return out


def _emit(kind: str, said: "Report", out: TextIO) -> None:
    EMITTERS[kind](said, out)
