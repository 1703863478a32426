"""Files that hold decisions of people and a model in one table → `Table`s, whatever the format."""

import hashlib
from collections.abc import Sequence
from glob import glob
from pathlib import Path

import polars as pl

from mlops_cli.errors import DataError
from mlops_cli.logs.shadow import Table
from mlops_cli.logs.sides import Wanted, both_sides, find
from mlops_cli.result.report import BadLine, Source

SUFFIXES = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
PACKED = {".gz", ".zst"}
BLOCK = 1 << 20


def tables(paths: Sequence[str], wanted: Wanted) -> tuple[list[Table], list[str]]:
    """The files among `paths` that hold decisions of both sides, and those that do not.

    Parameters
    ----------
    paths : files, folders (with all below) and globs
    wanted : how the roles are found

    Raises
    ------
    DataError
        Where a path names nothing.
    UsageError
        Where a role cannot be found.

    """
    files = [f for path in paths for f in _files(path)]
    both, others = [], []
    for file in dict.fromkeys(files):
        form = _format(file)
        if not form:
            others.append(str(file))
            continue
        columns = _columns(file, form)
        if columns and both_sides(columns, wanted):
            both.append((file, form, columns))
        else:
            others.append(str(file))
    return [_table(file, form, columns, wanted) for file, form, columns in sorted(both)], others


def read(path: str) -> pl.LazyFrame:
    """Any one table: Parquet, CSV or JSON lines."""
    file = Path(path)
    form = _format(file)
    if not file.is_file() or not form:
        raise DataError("no table to read", path, "name a file that is Parquet, CSV or JSON lines")
    return _scan(file, form)[0]


def _files(path: str) -> list[Path]:
    given = Path(path)
    if given.is_dir():
        return sorted(p for p in given.rglob("*") if p.is_file() and not _hidden(p, given))
    found = [given] if given.is_file() else sorted(Path(p) for p in glob(path, recursive=True))  # noqa: PTH207 - absolute globs
    if not found:
        raise DataError("no such file or folder", path, "name a file, a folder or a glob that matches")
    return [p for p in found if p.is_file()]


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _format(file: Path) -> str:
    suffixes = [s.lower() for s in file.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return SUFFIXES.get(suffixes[-1], "") if suffixes else ""


def _columns(file: Path, form: str) -> list[str]:
    if not file.stat().st_size:
        return []
    try:
        if form == "csv":
            return list(pl.scan_csv(file, infer_schema=False, n_rows=1).collect_schema())
        if form == "jsonl":
            return list(pl.scan_ndjson(file, infer_schema_length=200).collect_schema())
        return list(pl.scan_parquet(file, glob=False).collect_schema())
    except (pl.exceptions.PolarsError, OSError):
        return []  # said as a file that no table could be read from


def _scan(file: Path, form: str) -> tuple[pl.LazyFrame, tuple[BadLine, ...]]:
    if form == "parquet":
        return pl.scan_parquet(file, glob=False), ()
    try:
        if form == "csv":
            return pl.scan_csv(file, infer_schema=False), ()
        return pl.read_ndjson(file, infer_schema_length=None).lazy(), ()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"the file cannot be read: {str(error).splitlines()[0]}",
            str(file),
            "write it again, or leave it out",
        ) from None


def _table(file: Path, form: str, columns: list[str], wanted: Wanted) -> Table:
    roles = find(columns, wanted, str(file))
    frame, bad = _scan(file, form)
    rows = int(frame.select(pl.len()).collect().item())
    source = Source(
        path=str(file),
        kind="decisions",
        format=form,
        rows=rows,
        quarantined=len(bad),
        start=None,
        end=None,
        bytes=file.stat().st_size,
        fingerprint=_fingerprint(file),
    )
    return Table(frame, roles, source, wanted.timezone, bad)


def _fingerprint(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"
