"""What is new since others were told: opened, worse or recovered; each finding once."""

import json
import os
import tempfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mlops_cli.result.finding import Finding, Level, Status
from mlops_cli.result.report import Report

Told = Mapping[str, str]  # id of a finding → level that was told


@dataclass(frozen=True)
class Changes:
    """What to say now.

    Parameters
    ----------
    opened : findings that nobody was told of, or that have become worse
    recovered : id → the finding, None where the report has no more of it
    open : all that hold, told or not
    told : what will have been told once this is said
    was : what had been told before

    """

    opened: tuple[Finding, ...]
    recovered: Mapping[str, Finding | None]
    open: tuple[Finding, ...]
    told: Told
    was: Told

    def __bool__(self) -> bool:
        """Whether there is anything new."""
        return bool(self.opened or self.recovered)


def changes(report: Report, told: Told, on: Collection[str]) -> Changes:
    """The difference between a report and what was told before.

    A finding recovers when its series is judged and no more beyond its line; one that cannot be judged any
    more stays as it was told: no data is no recovery. One that does not block (acknowledged, known) is not
    told, nor is that it recovered.
    """
    least = Level.WARNING if "warning" in on else Level.ALARM if "alarm" in on else None
    quiet = _column(report, "known", "finding")
    held = {
        f.id: f for f in report.judgement.findings if f.status is not Status.RECOVERED and f.id not in quiet
    }
    wanted = {k: f for k, f in held.items() if least is not None and f.level >= least}
    opened = tuple(f for k, f in wanted.items() if f.level > _level(told.get(k)))
    fine = _fine(report)
    over = {f.id: f for f in report.judgement.findings if f.status is Status.RECOVERED}
    gone = [k for k in told if k not in held and (k in over or k in fine or k in quiet)]
    recovered = {k: over.get(k) for k in gone if k not in quiet and "recovered" in on}
    kept = {k: level for k, level in told.items() if k not in gone}
    return Changes(
        opened, recovered, tuple(wanted.values()), kept | {f.id: f.level.word for f in opened}, told
    )


def _level(word: str | None) -> Level:
    return Level[word.upper()] if word and word.upper() in Level.__members__ else Level.OK


def _fine(report: Report) -> set[str]:
    """Series that were judged, and are within their line."""
    table = report.table("series")
    if table is None:
        return set()
    at, level = table.columns.index("series"), table.columns.index("level")
    return {row[at] for row in table.rows if row[level] in {"ok", "warning"}}


def _column(report: Report, name: str, column: str) -> set[str]:
    table = report.table(name)
    return {row[table.columns.index(column)] for row in table.rows} if table else set()


def recall(path: Path | None) -> dict[str, dict[str, str]]:
    """Target → what it was told; empty where there is no such file or it is damaged."""
    if path is None:
        return {}
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(said, dict):
        return {}
    return {
        str(target): {str(k): str(v) for k, v in ids.items()}
        for target, ids in said.items()
        if isinstance(ids, dict)
    }


def remember(path: Path | None, told: Mapping[str, Told]) -> str:
    """Write it whole or not at all; what went wrong, empty where nothing did."""
    if path is None:
        return ""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(told, out, sort_keys=True, indent=1)
        Path(temporary).replace(path)
    except OSError as error:
        with suppress(OSError):
            Path(temporary).unlink(missing_ok=True)
        return f"what was told cannot be kept ({error.strerror}): it will be told again"
    return ""
