"""Excuses: open findings that do not block, each with its reason and its end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import tomli

from mlops_cli.errors import UsageError
from mlops_cli.judge.decided import Said, names
from mlops_cli.judge.say import moment
from mlops_cli.result.finding import Finding, Status
from mlops_cli.result.report import Table
from mlops_cli.result.scope import iso
from mlops_cli.result.tables import KNOWN
from mlops_cli.result.verdict import Verdict


@dataclass(frozen=True)
class Excuse:
    """One reason why a finding does not block; `kind` is ack, known or soft."""

    pattern: str
    kind: str
    reason: str
    until: datetime | None = None
    by: str = ""


def excuses(
    findings: Sequence[Finding],
    acks: Sequence[Said],
    known: Sequence[Excuse],
    soft: Sequence[str],
    now: datetime,
) -> tuple[dict[str, Excuse], list[str]]:
    """Id of a finding → why it does not block, and what is to be said of expired ones.

    Parameters
    ----------
    findings : of the run
    acks : of `mlops.decisions.toml`; without an end one holds for the incident that it was made for
    known : of `--known`
    soft : patterns of `--soft-fail-on`: a code, `input.*`, an id
    now : of the run

    """
    out: dict[str, Excuse] = {}
    notes = []
    for one in findings:
        for excuse in [
            *_acked(one, acks),
            *(k for k in known if names(k.pattern, one.id)),
            *_soft(one, soft),
        ]:
            if excuse.until is None or excuse.until > now:
                out.setdefault(one.id, excuse)
            elif one.status is not Status.RECOVERED:
                notes.append(f"{one.id}: {excuse.kind} expired on {iso(excuse.until)[:10]}, it counts again")
    return out, notes


def _acked(one: Finding, acks: Sequence[Said]) -> list[Excuse]:
    since = round(one.since.timestamp() * 1_000_000)
    out = []
    for ack in acks:
        if not names(ack.pattern, one.id) or (ack.until is None and since > max(ack.at, ack.start)):
            continue
        reason = ", ".join(
            t for t in (f"acknowledged as {ack.verdict}" if ack.verdict else "acknowledged", ack.why) if t
        )
        out.append(
            Excuse(ack.pattern, "ack", reason, None if ack.until is None else moment(ack.until), ack.who)
        )
    return out


def _soft(one: Finding, soft: Sequence[str]) -> list[Excuse]:
    def named(pattern: str) -> bool:
        group, _, rest = pattern.partition(".")
        return (rest == "*" and group == one.group) or names(pattern.replace("_", "-"), one.id)

    return [Excuse(p, "soft", f"--soft-fail-on {p}") for p in soft if named(p)]


def read_known(path: str) -> list[Excuse]:
    """The known findings of a file: `[[known]]` with id, reason and until.

    Raises
    ------
    UsageError
        Where the file cannot be read, or an entry lacks its reason or its end.

    """
    if not path:
        return []
    try:
        data = tomli.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"known findings cannot be read: {error.strerror}", path, "see that it is a file"
        ) from None
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"this is no TOML: {error}", path, "write [[known]] entries") from None
    rows = data.get("known", [])
    if set(data) - {"known", "schema"} or not isinstance(rows, list):
        raise UsageError("only [[known]] entries may stand here", path, "write [[known]] above each entry")
    return [_known(row, f"{path}, {number}. [[known]]") for number, row in enumerate(rows, 1)]


def _known(row: Any, where: str) -> Excuse:
    lacking = [k for k in ("id", "reason", "until") if not isinstance(row, dict) or k not in row]
    if lacking:
        raise UsageError(f"an entry lacks {', '.join(lacking)}", where, f"write {lacking[0]} = ...")
    until = row["until"]
    if isinstance(until, date) and not isinstance(until, datetime):
        until = datetime(until.year, until.month, until.day, tzinfo=UTC)
    if not isinstance(until, datetime):
        raise UsageError("until is no date", where, "write until = 2026-01-31")
    return Excuse(
        str(row["id"]),
        "known",
        str(row["reason"]),
        until if until.tzinfo else until.replace(tzinfo=UTC),
        str(row.get("who", "")),
    )


def said_too(verdict: Verdict, excused: dict[str, Excuse], findings: Sequence[Finding]) -> Verdict:
    """The verdict, with what is open and does not block."""
    held = [f for f in findings if f.id in excused and f.status is not Status.RECOVERED]
    if not held:
        return verdict
    first = excused[held[0].id]
    more = f", and {len(held) - 1} more" if len(held) > 1 else ""
    said = f"does not block: {held[0].id} ({first.reason}){more}"
    return replace(verdict, reason=f"{verdict.reason}; {said}")


def known_table(excused: dict[str, Excuse]) -> Table:
    """The findings that do not block."""
    rows = tuple(
        (series, e.kind, e.reason, iso(e.until) if e.until else None, e.by or None)
        for series, e in sorted(excused.items())
    )
    return Table("known", "findings that do not block", KNOWN, rows)
