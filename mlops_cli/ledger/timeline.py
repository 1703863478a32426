"""What happened, in order: verdicts and settings as they changed, and everything that was decided."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mlops_cli.ledger.decisions import Decisions
from mlops_cli.ledger.history import runs
from mlops_cli.result.scope import from_iso, iso

WORDS = {0: "pass", 1: "fail", 3: "undecided"}
LEVELS = {0: "ok", 1: "alarm", 3: "unknown"}


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Parameters
    ----------
    at : ISO time
    kind : verdict, settings, or the kind of a decision: ramp, retrain, accept, ack, silence
    level : ok, unknown, warning or alarm; empty where that has no meaning
    what : in words

    """

    at: str
    kind: str
    level: str
    what: str


def timeline(state: Path, decisions: Decisions) -> list[Event]:
    """Events of the runs that were kept and of the decisions, the latest first."""
    found = [*_verdicts(state), *_decided(decisions)]
    return sorted(found, key=lambda e: (_moment(e.at), e.kind, e.what), reverse=True)


def _moment(at: str) -> float:
    try:
        return from_iso(at).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _verdicts(state: Path) -> Iterator[Event]:
    """Of each command the first verdict, then those that differ from the one before; so of its settings."""
    last: dict[str, tuple[int, str]] = {}
    settings: dict[str, str] = {}
    for _, data in runs(state):
        try:
            command, code, verdict = str(data["command"]), int(data["exit_code"]), data["verdict"]
            at, action, reason = str(data["generated"]), str(verdict["action"]), str(verdict["reason"])
            digest = str(data["digests"].get("settings", ""))
        except (KeyError, TypeError, ValueError, AttributeError):
            continue  # another hand has changed the file
        if settings.setdefault(command, digest) != digest:
            yield Event(at, "settings", "", f"{command}: other settings ({digest[:19]})")
            settings[command] = digest
        if last.get(command) != (code, action):
            asked = "" if action == "none" else f", {action}"
            yield Event(
                at,
                "verdict",
                LEVELS.get(code, "unknown"),
                f"{command}: {WORDS.get(code, code)}{asked}: {reason}",
            )
            last[command] = (code, action)


def _decided(decisions: Decisions) -> Iterator[Event]:
    for kind, say in SAID.items():
        for entry in decisions.of(kind):
            at = entry.get("at") or entry.get("since") or entry.get("from")
            if at is not None:
                text = iso(at) if isinstance(at, datetime) else str(at)
                level = "alarm" if entry.get("action") == "rollback" else ""
                yield Event(text, kind, level, say(entry))


def _by(entry: Mapping[str, Any]) -> str:
    more = [str(entry[k]) for k in ("why", "reason") if entry.get(k)]
    who = f" by {entry['who']}" if entry.get("who") else ""
    return who + (f": {'; '.join(more)}" if more else "")


def _ramp(entry: Mapping[str, Any]) -> str:
    arm = entry.get("treatment") or "the treatment"
    return f"{entry.get('action', 'ramp')} of {arm} to {100 * float(entry['share']):.3g} %{_by(entry)}"


SAID: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "ramp": _ramp,
    "retrain": lambda e: f"retrain{' of ' + str(e['id']) if e.get('id') else ''}{_by(e)}",
    "accept": lambda e: f"{e['id']} has a new normal{_by(e)}",
    "ack": lambda e: f"{e['id']} is {e.get('verdict', 'acknowledged')}{_by(e)}",
    "silence": lambda e: f"{e['id']} is not judged until {e.get('until', 'further notice')}{_by(e)}",
}
