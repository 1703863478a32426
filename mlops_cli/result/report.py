"""The whole answer of one run: Report, with Source (read), Table (charted) and BadLine (left out)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlops_cli.result.finding import Judgement, Level
from mlops_cli.result.scope import from_iso, iso
from mlops_cli.result.verdict import Verdict

SCHEMA = 1
QUARANTINE_SHOWN = 100  # the report names the first ones, `sources` the totals


@dataclass(frozen=True)
class Source:
    """One file that was read; `unavailable` names what this log cannot give."""

    path: str
    kind: str
    format: str
    rows: int
    quarantined: int
    start: datetime | None
    end: datetime | None
    bytes: int
    fingerprint: str
    unavailable: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report."""
        return {
            "path": self.path,
            "kind": self.kind,
            "format": self.format,
            "rows": self.rows,
            "quarantined": self.quarantined,
            "start": iso(self.start) if self.start else None,
            "end": iso(self.end) if self.end else None,
            "bytes": self.bytes,
            "fingerprint": self.fingerprint,
            "unavailable": list(self.unavailable),
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Source":
        """The inverse of `to_dict`."""
        return Source(
            **{
                **data,
                "start": from_iso(data["start"]) if data["start"] else None,
                "end": from_iso(data["end"]) if data["end"] else None,
                "unavailable": tuple(data["unavailable"]),
            },
        )


@dataclass(frozen=True)
class BadLine:
    """One line that could not be read: `line` counts from 1, 0 is a whole file; `byte` counts from 0."""

    source: str
    line: int
    byte: int
    length: int
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report."""
        return dict(vars(self))


@dataclass(frozen=True)
class Table:
    """Numbers behind a chart, already reduced; times are ISO texts."""

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report."""
        return {
            "name": self.name,
            "caption": self.caption,
            "columns": list(self.columns),
            "rows": [[_plain(v) for v in row] for row in self.rows],
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Table":
        """The inverse of `to_dict`."""
        rows = tuple(tuple(row) for row in data["rows"])
        return Table(data["name"], data["caption"], tuple(data["columns"]), rows)


@dataclass(frozen=True)
class Report:
    """What a command that judges says, whoever reads it."""

    command: str
    version: str
    generated: datetime
    now: datetime
    exit_code: int
    level: Level
    verdict: Verdict
    judgement: Judgement
    sources: tuple[Source, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    quarantine: tuple[BadLine, ...] = ()
    notes: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    def table(self, name: str) -> Table | None:
        """The table of this name, None where the run has none."""
        return next((t for t in self.tables if t.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report, field for field as `report.schema.json` has it."""
        return {
            "schema": self.schema,
            "tool": {"name": "mlops", "version": self.version},
            "command": self.command,
            "generated": iso(self.generated),
            "now": iso(self.now),
            "exit_code": self.exit_code,
            "level": self.level.word,
            "verdict": _plain(self.verdict.to_dict()),
            "sources": [s.to_dict() for s in self.sources],
            "judgement": _plain(self.judgement.to_dict()),
            "details": _plain(dict(self.details)),
            "tables": [t.to_dict() for t in self.tables],
            "quarantine": [b.to_dict() for b in self.quarantine[:QUARANTINE_SHOWN]],
            "notes": list(self.notes),
            "digests": dict(self.digests),
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Report":
        """The inverse of `to_dict`."""
        return Report(
            command=data["command"],
            version=data["tool"]["version"],
            generated=from_iso(data["generated"]),
            now=from_iso(data["now"]),
            exit_code=data["exit_code"],
            level=Level[data["level"].upper()],
            verdict=Verdict.from_dict(data["verdict"]),
            judgement=Judgement.from_dict(data["judgement"]),
            sources=tuple(Source.from_dict(s) for s in data["sources"]),
            details=data["details"],
            tables=tuple(Table.from_dict(t) for t in data["tables"]),
            quarantine=tuple(BadLine(**b) for b in data["quarantine"]),
            notes=tuple(data["notes"]),
            digests=data["digests"],
            schema=data["schema"],
        )


def _plain(value: Any) -> Any:
    """NaN and infinities become null, times ISO texts, tuples lists."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
