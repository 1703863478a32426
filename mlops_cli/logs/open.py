"""LogFiles → Logs: Parquet parts that the profile reads, with rows, times, and the lines that are missing."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_cli.errors import DataError
from mlops_cli.logs.canon import KINDS, TIME
from mlops_cli.logs.expressions import expression, resolve, schema_of
from mlops_cli.logs.format import LogFile, Logs, Part
from mlops_cli.logs.private import touches
from mlops_cli.logs.registry import FORMATS
from mlops_cli.logs.roles import Roles, recognise
from mlops_cli.logs.text_cache import stored
from mlops_cli.logs.times import ZONED, is_naive
from mlops_cli.result.report import BadLine

Progress = Callable[[int, int], None]
SAMPLE = 1_000
TIMES = ("timestamp", "label_time")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS = {"ns": 1_000, "us": 1, "ms": -1_000}  # to microseconds: divide, or multiply where negative


def open_logs(
    files: Sequence[LogFile],
    text_cache: Path | None,
    progress: Progress | None = None,
    *,
    strict: bool = True,
) -> Logs:
    """Text logs become Parquet in `text_cache` (None: a temporary folder), Parquet stays as it lies.

    Parameters
    ----------
    files : as `discover` found them
    text_cache : folder; made where it is not there
    progress : called with the bytes done and the bytes in all
    strict : without any readable row it is an error

    Returns
    -------
    Logs
        Parts in the order of the files. Of a file that holds several kinds, a part each; without any
        readable row none, unless lines were lost, which its part then names.

    Raises
    ------
    DataError
        Where no file has a readable row.

    """
    parts: list[Part] = []
    notes: dict[str, None] = {}
    known: dict[str, Roles] = {}
    done, total = 0, sum(f.bytes for f in files)
    for file in files:
        if FORMATS[file.format].read is None and not _meant(file):
            parts += _as_it_lies(file)
        else:
            more, said = _from_text(file, text_cache, known)
            parts += more
            notes |= dict.fromkeys(said)
        done += file.bytes
        if progress is not None:
            progress(done, total)
    if strict and not any(part.rows for part in parts):
        raise _no_row(files, parts)
    notes |= dict.fromkeys(note for part in parts for note in _unread(part))
    notes |= dict.fromkeys(_naive(parts))
    return Logs(tuple(parts), tuple(files), (), tuple(notes))


def _meant(file: LogFile) -> bool:
    """Whether [privacy] does not let the file be read as it lies."""
    if not file.privacy.asks:
        return False
    sample = pl.scan_parquet(file.path, glob=False).head(SAMPLE).collect()
    roles = recognise(sample, kind=file.kind, given=file.given)
    columns = {**{n: s for other in roles.split.values() for n, s in other.items()}, **roles.columns}
    return touches(sample.schema, file.privacy, columns)


def _as_it_lies(file: LogFile) -> list[Part]:
    parts = _parts(
        file, file.path, file.fingerprint, {file.kind: file.columns, **file.split}, _metadata(file)
    )
    return [replace(parts[0], bad=file.bad, quarantined=file.quarantined), *parts[1:]]


def _metadata(file: LogFile) -> Any:
    try:
        return pq.read_metadata(file.path)
    except (pa.ArrowException, OSError) as error:
        first = str(error).splitlines()[0]
        raise DataError(
            f"this Parquet file is cut or damaged: {first}", file.shown, "write it again, or leave it out"
        ) from None


def _from_text(file: LogFile, cache: Path | None, known: dict[str, Roles]) -> tuple[list[Part], list[str]]:
    """Parts of a text log. Its columns are recognised again: now all are known, not those of a sample.

    `known` are the roles of files that were seen before, by their columns.
    """
    form = FORMATS[file.format]
    kept = stored(file, form, cache)
    out: list[Part] = []
    for kind, path in kept.paths.items():
        if not kept.rows[kind] and not kept.quarantined:
            continue
        columns: dict[str, Mapping[str, str]] = {kind: {}}
        if kept.rows[kind]:
            key = repr((schema_of(path), kind, sorted(file.given.items(), key=repr)))
            if key not in known:
                sample = pl.scan_parquet(path, glob=False).head(SAMPLE).collect()
                known[key] = recognise(sample, kind=kind, given=file.given)
            columns = {kind: known[key].columns, **known[key].split}
        out += _parts(file, path, kept.fingerprint, columns, pq.read_metadata(path))
    if out:
        out[0] = replace(out[0], bad=kept.bad, quarantined=kept.quarantined)
    return out, [f"{file.shown}: {note}" for note in kept.notes]


def _parts(
    file: LogFile, path: str, fingerprint: str, columns: Mapping[str, Mapping[str, str]], metadata: Any
) -> list[Part]:
    out = []
    for kind, names in columns.items():
        text = json.dumps([fingerprint, kind, sorted(names.items()), file.timezone])
        part = Part(
            path=path,
            kind=kind,
            columns=dict(names),
            fingerprint=hashlib.sha256(text.encode()).hexdigest()[:32],
            rows=metadata.num_rows,
            start=None,
            end=None,
            source=file,
        )
        times = tuple(_times(part, metadata))
        if times:
            low, high = min(t[0] for t in times), max(t[1] for t in times)
            part = replace(part, times=times, start=_moment(low), end=_moment(high))
        out.append(part)
    return out


def _moment(micros: int) -> datetime | None:
    try:
        return EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return None


def _times(part: Part, metadata: Any) -> Iterator[tuple[int, int, int]]:
    """First time, last time and rows of each row group: from the file's statistics, else from its rows."""
    name = next((n for n in TIMES if n in part.columns), "")
    schema = schema_of(part.path)
    if not name or not part.rows or resolve(schema, part.columns[name]) is None:
        return
    quick = list(_by_statistics(part.columns[name], schema, metadata, part.source.timezone))
    if len(quick) == metadata.num_row_groups:
        yield from quick
        return
    time = expression(part, name).to_physical()
    found = (
        pl.scan_parquet(part.path, glob=False)
        .select(low=time.min(), high=time.max(), n=time.count())
        .collect(engine="streaming")
        .row(0)
    )
    if found[2]:
        yield found


def _by_statistics(
    source: str, schema: pl.Schema, metadata: Any, timezone: str
) -> Iterator[tuple[int, int, int]]:
    """Only for a column of times that are UTC, or naive and to be read so."""
    dtype = schema.get(source)
    if not isinstance(dtype, pl.Datetime) or (dtype.time_zone is None and timezone != "UTC"):
        return
    for g in range(metadata.num_row_groups):
        group = metadata.row_group(g)
        column = next(
            (c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == source), None
        )
        found = column.statistics if column is not None else None
        if found is None or not found.has_min_max or not isinstance(found.min_raw, int):
            return
        low, high = (_micros(v, dtype.time_unit) for v in (found.min_raw, found.max_raw))
        yield low, high, group.num_rows - (found.null_count or 0)


def _micros(value: int, unit: str) -> int:
    ticks = _TICKS[unit]
    return value // ticks if ticks > 0 else value * -ticks


def _unread(part: Part) -> Iterator[str]:
    """Values of a text column that are not what its role wants, counted: they are null."""
    schema = schema_of(part.path)
    checks = {}
    for name, source in part.columns.items():
        canonical = KINDS[part.kind].get(name)
        found = resolve(schema, source) if canonical is not None and part.rows else None
        if canonical is None or found is None or found[1] != pl.String or canonical.dtype == pl.String():
            continue
        value = found[0].str.strip_chars()
        lost = (value.is_not_null() & (value != "")) & expression(part, name).is_null()
        checks[name] = (canonical.dtype, lost, value)
    if not checks:
        return
    counts = pl.scan_parquet(part.path, glob=False).select(
        *(lost.sum().alias(f"{n} lost") for n, (_, lost, _) in checks.items()),
        *(value.is_not_null().sum().alias(f"{n} known") for n, (_, _, value) in checks.items()),
    )
    row = counts.collect(engine="streaming").row(0, named=True)
    for name, (dtype, _, _) in checks.items():
        if row[f"{name} lost"]:
            wanted = "time" if dtype == TIME else "true or false" if dtype == pl.Boolean() else "number"
            yield (
                f"{part.source.shown}: {row[f'{name} lost']:,} of {row[f'{name} known']:,} values of "
                f"{part.columns[name]} are no {wanted} and are missing in {name}"
            )


def _naive(parts: Sequence[Part]) -> Iterator[str]:
    """In which zone times without one are read."""
    naive: dict[str, list[str]] = {}
    for part in parts:
        schema = schema_of(part.path)
        for name in TIMES:
            found = resolve(schema, part.columns[name]) if name in part.columns and part.rows else None
            if found is not None and (
                is_naive(found[1]) or (found[1] == pl.String() and _some_naive(part, found[0]))
            ):
                naive.setdefault(part.source.timezone, []).append(part.source.shown)
    for zone, shown in naive.items():
        files = list(dict.fromkeys(shown))
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        yield f"times without a zone are read as {zone} ([project] timezone): {files[0]}{more}"


def _some_naive(part: Part, text: pl.Expr) -> bool:
    dated = text.str.contains(r"^\s*\d{4}[-/]") & ~text.str.contains(ZONED)
    return bool(pl.scan_parquet(part.path, glob=False).select(dated.any()).collect(engine="streaming").item())


def _no_row(files: Sequence[LogFile], parts: Sequence[Part]) -> DataError:
    shown = [f.shown for f in files]
    where = ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
    bad: list[BadLine] = [b for p in parts for b in p.bad]
    lost = sum(p.quarantined for p in parts)
    if not lost:
        return DataError("these logs hold no row", where, "see whether logging works")
    if bad and not bad[0].line:
        return DataError(bad[0].reason, where, "write it again, or leave it out")
    first = f"; the first, line {bad[0].line}: {bad[0].reason}" if bad else ""
    return DataError(
        f"none of the {lost:,} lines can be read{first}",
        where,
        "name the format: [sources.NAME] format = ...",
    )
