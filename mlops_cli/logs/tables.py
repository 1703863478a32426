"""Files that hold decisions of people and a model in one table → `Table`s, whatever the format."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from mlops_cli.config.settings import Settings
from mlops_cli.errors import DataError
from mlops_cli.logs.discover import sample_of
from mlops_cli.logs.find import Candidate, find, fingerprint
from mlops_cli.logs.format import Format, LogFile
from mlops_cli.logs.privacy import Privacy
from mlops_cli.logs.private import private
from mlops_cli.logs.registry import FORMATS
from mlops_cli.logs.shadow import Table
from mlops_cli.logs.sides import Wanted, both_sides, by_role
from mlops_cli.logs.sides import find as find_sides
from mlops_cli.logs.stream import head
from mlops_cli.logs.text_cache import stored
from mlops_cli.result.report import BadLine, Source

PLAIN = ("parquet", "jsonl", "csv")  # tables of anybody's columns
KIND = "decisions"


@dataclass(frozen=True)
class Found:
    """Tables with both sides, and the files that hold something else."""

    tables: tuple[Table, ...]
    others: tuple[str, ...]
    notes: tuple[str, ...]


def tables(
    paths: Sequence[str],
    settings: Settings,
    wanted: Wanted,
    *,
    text_cache: Path | None = None,
    config_dir: str = ".",
    stdin_format: str = "jsonl",
) -> Found:
    """The files among `paths` that hold decisions of both sides, in the order of their names.

    Parameters
    ----------
    paths : files, folders, globs or `-`; none: those of the settings' sources
    settings : for sources and the time zone
    wanted : what the user said of the columns
    text_cache : folder in which text logs are kept as Parquet; None: a temporary one

    Raises
    ------
    DataError
        Where a path names nothing, or a file cannot be read.
    UsageError
        Where a role cannot be found.

    """
    found = find(paths, settings, config_dir)
    out: list[Table] = []
    others: list[str] = []
    damaged: list[DataError] = []
    for one in found.files:
        try:
            opened = _opened(one, stdin_format)
        except DataError as error:  # Parquet that is cut: told of beside the tables that are whole
            damaged.append(error)
            continue
        if opened is None:
            others.append(one.shown)
            continue
        file, form, columns = opened
        if not both_sides(columns, wanted):
            others.append(one.shown)
            continue
        out.append(_table(file, form, replace(wanted, timezone=file.timezone), text_cache))
    if damaged and not out and not others:
        raise damaged[0]
    if damaged and out:
        lost = [BadLine(e.where, 0, 0, Path(e.where).stat().st_size, e.what) for e in damaged]
        first = out[0]
        said = replace(first.source, quarantined=first.source.quarantined + len(lost))
        out[0] = replace(first, source=said, bad=(*first.bad, *lost))
    return Found(tuple(out), tuple(others), tuple(found.notes))


def read_table(path: str, text_cache: Path | None = None) -> pl.LazyFrame:
    """Any one table: Parquet, CSV or JSON lines; lines that cannot be read are an error here.

    Raises
    ------
    DataError
        Where the file is not there, is of another format, or a line cannot be read.

    """
    found = find((path,), Settings(), ".")
    opened = _opened(found.files[0], "jsonl") if found.files else None
    if opened is None:
        raise DataError("this is no table", path, "name a file that is Parquet, CSV or JSON lines")
    frame, bad, _ = _frame(opened[0], opened[1], text_cache)
    if bad:
        raise DataError(
            f"a line cannot be read: {bad[0].reason}", f"{path}, line {bad[0].line}", "mend the line"
        )
    return frame


def _opened(one: Candidate, stdin_format: str) -> tuple[LogFile, Format, list[str]] | None:
    """The file with its format and the columns of its first rows; None where it is no plain table."""
    start = head(one.path, one.shown)
    if not start.strip():
        return None
    name = stdin_format if one.shown == "-" and stdin_format != "auto" else ""
    if not name:
        sure = {n: FORMATS[n].detect(start, one.shown) for n in FORMATS}
        name = max(sure, key=lambda n: sure[n])
        if sure[name] <= 0:
            return None
    if name not in PLAIN:
        return None
    form = FORMATS[name]
    file = LogFile(
        path=one.path,
        shown=one.shown,
        format=name,
        kind=KIND,
        bytes=Path(one.path).stat().st_size,
        fingerprint=fingerprint(one.path, content=one.spooled),
        privacy=Privacy.of(one.settings.privacy),
        timezone=one.settings.project.timezone,
    )
    columns = list(sample_of(file, form, start).columns)
    return (file, form, columns) if columns else None


def _frame(
    file: LogFile, form: Format, text_cache: Path | None
) -> tuple[pl.LazyFrame, tuple[BadLine, ...], int]:
    if form.read is None and form.convert is None:
        rows = pl.scan_parquet(file.path, glob=False)
        schema = rows.collect_schema()
        return private(rows, schema, file.privacy, by_role(list(schema))), (), 0
    kept = stored(file, form, text_cache)
    return pl.scan_parquet(kept.paths[KIND], glob=False), kept.bad, kept.quarantined


def _table(file: LogFile, form: Format, wanted: Wanted, text_cache: Path | None) -> Table:
    frame, bad, quarantined = _frame(file, form, text_cache)
    roles = find_sides(list(frame.collect_schema()), wanted, file.shown)
    source = Source(
        path=file.shown,
        kind=KIND,
        format=file.format,
        rows=int(frame.select(pl.len()).collect().item()),
        quarantined=quarantined,
        start=None,
        end=None,
        bytes=file.bytes,
        fingerprint=file.fingerprint,
    )
    return Table(frame, roles, source, file.timezone, bad)
