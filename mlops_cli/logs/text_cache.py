"""Text logs as Parquet, kept by fingerprint: written to another name and renamed, made again where torn."""

import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_cli.logs.format import Converted, Format, LogFile
from mlops_cli.logs.private import private
from mlops_cli.logs.roles import recognise
from mlops_cli.logs.scratch import folder as scratch_folder
from mlops_cli.logs.write import ROW_GROUP, Writer
from mlops_cli.result.report import BadLine

SAMPLE = 1_000
STATES = 3  # of a file that grows; a run that began before it grew may still read an older one
VERSION = 2  # goes up when the same file would be written differently


@dataclass(frozen=True)
class Stored:
    """Where the rows of each kind are, and what is missing from them."""

    paths: dict[str, str]
    rows: dict[str, int]
    bad: tuple[BadLine, ...]
    quarantined: int
    notes: tuple[str, ...]
    fingerprint: str


def stored(file: LogFile, form: Format, cache: Path | None) -> Stored:
    """The file as Parquet, from the cache or written now; without a cache for this process only."""
    told = f"{VERSION} {file.format} {file.kind} {file.named} {file.fingerprint} {file.privacy.digest()}"
    key = hashlib.sha256(told.encode()).hexdigest()[:32]
    folder = cache if cache is not None else scratch_folder()
    found = _load(folder, key)
    if found is None:
        folder.mkdir(parents=True, exist_ok=True)
        found = _make(file, form, folder, key)
        _forget(folder, file, key)
    bad = tuple(replace(line, source=file.shown) for line in found.bad)
    return replace(
        found,
        bad=bad,
        paths={kind or file.kind: path for kind, path in found.paths.items()},
        rows={kind or file.kind: n for kind, n in found.rows.items()},
    )


class _Index(msgspec.Struct):
    """What stands beside the Parquet files: kind → rows; written last, so it says that they are whole."""

    rows: dict[str, int]
    quarantined: int
    bad: list[tuple[int, int, int, str]]
    notes: list[str]


def _load(folder: Path, key: str) -> Stored | None:
    try:
        index = msgspec.json.decode((folder / f"{key}.json").read_bytes(), type=_Index)
        paths = {kind: str(folder / _name(key, kind)) for kind in index.rows}
        if any(pq.read_metadata(path).num_rows != index.rows[kind] for kind, path in paths.items()):
            return None
    except (OSError, msgspec.MsgspecError, pa.ArrowException):
        return None
    bad = tuple(BadLine("", *line) for line in index.bad)
    return Stored(paths, index.rows, bad, index.quarantined, tuple(index.notes), key)


def _forget(folder: Path, file: LogFile, key: str) -> None:
    """Drop what a file was long ago: one that grows all day would fill the disk."""
    told = f"{file.path} {file.kind} {file.format} {file.named}"
    states = folder / f"{hashlib.sha256(told.encode()).hexdigest()[:32]}.states"
    with suppress(OSError, ValueError):
        before = states.read_text(encoding="ascii").split() if states.exists() else []
        keys = [*(k for k in before if k != key and k.isalnum()), key]
        for old in keys[:-STATES]:
            for one in folder.glob(f"{old}.*"):
                one.unlink(missing_ok=True)
        beside = folder / f"{states.name}.{os.getpid()}.tmp"
        beside.write_text("\n".join(keys[-STATES:]), encoding="ascii")
        beside.replace(states)


def _name(key: str, kind: str) -> str:
    return f"{key}.{kind}.parquet" if kind else f"{key}.parquet"


def _make(file: LogFile, form: Format, folder: Path, key: str) -> Stored:
    temporary = f"{os.getpid()}.tmp"
    made: dict[str, str] = {}
    try:
        if form.read is None:  # Parquet that [privacy] does not let us read as it lies
            made[""] = str(folder / f"{key}.{temporary}")
            shutil.copyfile(file.path, made[""])
            rows, said = {"": pq.read_metadata(file.path).num_rows}, Converted(0)
        elif form.convert is not None:
            made[""] = str(folder / f"{key}.{temporary}")
            said = form.convert(file, made[""])
            rows = {"": said.rows}
        else:
            rows, said = _by_batches(file, form, folder, f"{key}.{temporary}", made)
        for kind, path in made.items():
            _keep_private(path, file, kind)
            Path(path).replace(folder / _name(key, kind))
    finally:
        for path in made.values():
            Path(path).unlink(missing_ok=True)
    bad = [(b.line, b.byte, b.length, b.reason) for b in said.bad[: file.named]]
    index = msgspec.json.encode(_Index(rows, said.quarantined, bad, list(said.notes)))
    beside = folder / f"{key}.{temporary}.json"
    beside.write_bytes(index)
    beside.replace(folder / f"{key}.json")
    paths = {kind: str(folder / _name(key, kind)) for kind in rows}
    return Stored(paths, rows, said.bad, said.quarantined, said.notes, key)


def _keep_private(path: str, file: LogFile, kind: str) -> None:
    """Write the rows again without what [privacy] does not let us keep."""
    if not file.privacy.asks:
        return
    rows = pl.scan_parquet(path, glob=False)
    schema = rows.collect_schema()
    roles = recognise(rows.head(SAMPLE).collect(), kind=kind or file.kind, given=file.given)
    columns = {**roles.columns, **{n: s for split in roles.split.values() for n, s in split.items()}}
    target = f"{path}.private"
    private(rows, schema, file.privacy, columns).sink_parquet(
        target, compression="zstd", compression_level=1, row_group_size=ROW_GROUP
    )
    Path(target).replace(path)


def _by_batches(
    file: LogFile, form: Format, folder: Path, name: str, made: dict[str, str]
) -> tuple[dict[str, int], Converted]:
    """Write what `read` yields; rows of several kinds to a file each, by their order of first sight."""
    bad: list[BadLine] = []
    counted = other = 0
    notes: dict[str, None] = {}
    made[""] = str(folder / name)
    writers = {"": Writer(made[""])}
    try:
        for batch in form.read(file) if form.read else ():
            bad.extend(batch.bad[: file.named - len(bad)])
            counted, other = counted + batch.quarantined, other + batch.other
            notes.update(dict.fromkeys(batch.notes))
            kind = "" if batch.kind == file.kind else batch.kind
            if kind not in writers:
                made[kind] = str(folder / f"{name}.{kind}")
                writers[kind] = Writer(made[kind])
            writers[kind].add(batch.frame)
        rows = {kind: writer.finish() for kind, writer in writers.items()}
    finally:
        for writer in writers.values():
            writer.close()
    if other:
        notes[f"{other:,} other lines (messages, tracebacks): no records"] = None
    return rows, Converted(rows[""], tuple(bad), counted, tuple(notes))
