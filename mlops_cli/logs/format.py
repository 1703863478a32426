"""Format: the shape of a member of `formats/`; LogFile, Batch and Part: what passes through it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from mlops_cli.logs.privacy import Privacy
from mlops_cli.logs.stream import KEPT
from mlops_cli.result.report import BadLine


@dataclass(frozen=True)
class LogFile:
    """One file as it was found. `path` is real, `shown` relative as the user gave it.

    `columns` maps canonical names (or `features.NAME`) to a column, a path or "= expression", as a sample of
    the file has it; `split` are the maps of further kinds that the same rows hold; `given` is the user's map.
    `notes` say what was assumed. `-` is standard input, spooled to `path`.
    """

    path: str
    shown: str
    format: str
    kind: str
    bytes: int
    fingerprint: str
    columns: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unavailable: tuple[str, ...] = ()
    timezone: str = "UTC"
    model: str = ""  # of a sub-folder with its own mlops.toml
    settings_path: str = ""  # that file
    split: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    sampled: int = 0  # rows that were looked at
    privacy: Privacy = field(default_factory=Privacy)
    bad: tuple[BadLine, ...] = ()  # lines of its source that are missing from a file of a store
    quarantined: int = 0
    named: int = KEPT  # bad lines that are named one by one; all are counted


@dataclass(frozen=True)
class Batch:
    """Some rows of one kind in the file's own columns, and the lines that could not be read.

    `quarantined` counts all bad lines since the last batch, `bad` names the first of them. `other` counts
    lines that this writer mixes in and that are no records: messages, tracebacks.
    """

    frame: pl.DataFrame
    bad: tuple[BadLine, ...] = ()
    kind: str = ""  # empty: the file's
    quarantined: int = 0
    notes: tuple[str, ...] = ()
    other: int = 0


@dataclass(frozen=True)
class Converted:
    """A text log that was written as Parquet: rows, lines that are missing from it, what to tell."""

    rows: int
    bad: tuple[BadLine, ...] = ()
    quarantined: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """How one writer's files are told apart and read.

    Parameters
    ----------
    detect : first bytes (decompressed) and path → how sure, 0 to 1
    kinds : the kinds of log it can hold; one kind only means that it is known without looking; none that
        such a file is no log of its own, but is read beside one
    kind : first bytes → the kind of the file, where the writer says it; further kinds come as batches
    unavailable : canonical columns that this writer never logs, each with its reason
    read : the file → batches of equal columns a kind, bad lines counted; None where the file is Parquet as
        it lies
    convert : the file → Parquet at the given path at once, quicker than `read` and equal to it
    columns : the file → canonical names of its columns, where the writer says them
    positions : name of its columns that have no name but a place, as `features.{}`; a list of `features`
        in the configuration names them
    appends : lines that were added to a file can be read without those before them

    """

    detect: Callable[[bytes, str], float]
    kinds: tuple[str, ...]
    unavailable: Mapping[str, str]
    read: Callable[[LogFile], Iterator[Batch]] | None
    convert: Callable[[LogFile, str], Converted] | None = None
    columns: Callable[[LogFile], Mapping[str, str]] | None = None
    kind: Callable[[bytes], str] | None = None
    positions: str = ""
    appends: bool = False


@dataclass(frozen=True)
class Part:
    """Parquet that the profile reads: one kind, and canonical name → polars SQL expression or column.

    `columns` maps canonical names (`timestamp`, `prediction`, `features.carrier`) to the name of a
    Parquet column, or to "= SQL expression" over its columns. `rows`, `start`, `end` are of the file
    (None: no time). `times` are the row groups' (start, end, rows), for the choice of windows.
    """

    path: str
    kind: str
    columns: Mapping[str, str]
    fingerprint: str
    rows: int
    start: datetime | None
    end: datetime | None
    source: LogFile
    times: tuple[tuple[int, int, int], ...] = ()
    bad: tuple[BadLine, ...] = ()
    quarantined: int = 0


@dataclass(frozen=True)
class Logs:
    """All that was opened: parts in a fixed order, files that no format claims, what was assumed."""

    parts: tuple[Part, ...]
    files: tuple[LogFile, ...]
    unclaimed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def of(self, kind: str) -> tuple[Part, ...]:
        """The parts of one kind."""
        return tuple(p for p in self.parts if p.kind == kind)
