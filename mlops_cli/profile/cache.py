"""Profiles on disk: one file for each log file, and saved baselines.

Arrow streams, zstd: a day of 24 fields takes 120 kB and 2 ms (Parquet: 170 kB and 6 ms). A file is written
under a temporary name, flushed and renamed; what is torn, foreign or of other settings is counted again.
"""

import hashlib
import io
import json
import os
import shutil
import tempfile
import zlib
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mlops_cli.errors import DataError, UsageError
from mlops_cli.logs.format import Part
from mlops_cli.profile.plan import probe
from mlops_cli.profile.spec import (
    CELLS,
    GROUPS,
    KERNEL,
    MOMENTS,
    SCHEMA,
    SKETCHES,
    VALUES,
    FieldSpec,
    Profile,
    ProfileSpec,
    WindowSpec,
)

MAGIC = b"mlops profile 2\n"
SUFFIX = ".profile"
SORTED = {"cell", "hash"}
SPECS = 12  # folders kept; each holds the files of one way to count
TABLES = {
    "groups": GROUPS,
    "moments": MOMENTS,
    "cells": CELLS,
    "values": VALUES,
    "sketches": SKETCHES,
    "schema": SCHEMA,
}


class Cache:
    """What was counted of each file; without a folder it keeps nothing.

    Parameters
    ----------
    folder : made when something is put; several processes may share it

    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._tidied = False

    def get(self, part: Part, spec: ProfileSpec, whole: bool = False) -> Profile | None:  # noqa: FBT001, FBT002
        """The profile of a part as it is now, by this spec; None where it has to be counted."""
        path = self._path(part, spec, whole=whole)
        if path is None:
            return None
        try:
            said, profile = _unpacked(path.read_bytes(), spec)
        except (OSError, _NotOursError):
            return None
        return profile if said["key"] == _key(part, spec, whole=whole) else None

    def put(self, part: Part, spec: ProfileSpec, whole: bool, profile: Profile) -> None:  # noqa: FBT001
        """Keep a profile; where that fails it is only counted again."""
        path = self._path(part, spec, whole=whole)
        if path is None:
            return
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, _packed(profile, {"key": _key(part, spec, whole=whole)}))
            self._tidy(path.parent)

    def _path(self, part: Part, spec: ProfileSpec, *, whole: bool) -> Path | None:
        """By the source's path, so that a file that grows replaces what was counted of it."""
        if self.folder is None or part.source.shown == "-":
            return None
        name = hashlib.sha256(json.dumps([part.source.path, part.kind, whole]).encode()).hexdigest()[:24]
        return self.folder / spec.digest / f"{name}{SUFFIX}"

    def _tidy(self, mine: Path) -> None:
        """Other ways to count that were not used for long: all but the SPECS newest."""
        if self._tidied or self.folder is None:
            return
        self._tidied = True
        others = [f for f in self.folder.iterdir() if f.is_dir() and f != mine]
        others.sort(key=lambda f: f.stat().st_mtime, reverse=True)
        for folder in others[SPECS - 1 :]:
            shutil.rmtree(folder, ignore_errors=True)


def save_baseline(path: Path, profile: Profile, windows: int) -> None:
    """Write a profile with its spec and how many windows were pooled in it.

    Raises
    ------
    DataError
        Where the file cannot be written.

    """
    said = {"spec": asdict(profile.spec), "windows": windows}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, _packed(profile, said))
    except OSError as error:
        raise DataError(
            f"the baseline cannot be written: {error.strerror}", str(path), "name another file"
        ) from None


def load_baseline(path: Path) -> tuple[Profile, int] | None:
    """A saved profile and its number of windows; None where the file is something else.

    Raises
    ------
    DataError
        Where it is damaged or cannot be read.
    UsageError
        Where it was counted by another version, so that nothing can be compared with it.

    """
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return None
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"the baseline cannot be read: {error.strerror}", str(path), "see that it is a file"
        ) from None
    again = "save it again: mlops baseline save NAME LOGS"
    try:
        said = _said(data)
        spec = _spec(said["spec"])
        if spec.kernel != KERNEL:
            raise UsageError("the baseline was counted by another version of mlops", str(path), again)
        return _unpacked(data, replace(spec, probe=probe()))[1], int(said["windows"])
    except (_NotOursError, KeyError, TypeError):
        raise DataError("the baseline is damaged", str(path), again) from None


class _NotOursError(Exception):
    """A file that is torn, or not of this program."""


def _key(part: Part, spec: ProfileSpec, *, whole: bool) -> str:
    """Digest of all that the counts of a part depend on."""
    source = part.source
    told = [part.fingerprint, sorted(part.columns.items()), source.timezone, source.model, spec.digest, whole]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _packed(profile: Profile, said: dict[str, Any]) -> bytes:
    """Magic, length of the header, header, the six tables one after the other, checksum of all that."""
    blobs = []
    for name in TABLES:
        out = io.BytesIO()
        _steps(getattr(profile, name)).write_ipc_stream(out, compression="zstd")
        blobs.append(out.getvalue())
    sizes = [len(b) for b in blobs]
    header = {**said, "mantissa": profile.mantissa, "notes": profile.notes, "sizes": sizes}
    text = json.dumps(header).encode()
    data = b"".join([MAGIC, len(text).to_bytes(4, "little"), text, *blobs])
    return data + zlib.crc32(data).to_bytes(4, "little")


def _steps(table: pl.DataFrame) -> pl.DataFrame:
    """Cells and hashes, which are sorted, as the step from the row above: half the bytes."""
    for name in SORTED & set(table.columns):
        values = table[name].to_numpy()
        table = table.with_columns(pl.Series(name, np.diff(values, prepend=values.dtype.type(0))))
    return table


def _summed(table: pl.DataFrame) -> pl.DataFrame:
    """The inverse of `_steps`: whole numbers wrap around in both."""
    for name in SORTED & set(table.columns):
        values = table[name].to_numpy()
        table = table.with_columns(pl.Series(name, np.cumsum(values, dtype=values.dtype)))
    return table


def _said(data: bytes) -> dict[str, Any]:
    """The header, of a file that is whole."""
    start = len(MAGIC) + 4
    whole = data.startswith(MAGIC) and zlib.crc32(memoryview(data)[:-4]) == int.from_bytes(
        data[-4:], "little"
    )
    if not whole:
        raise _NotOursError
    size = int.from_bytes(data[len(MAGIC) : start], "little")
    try:
        said = json.loads(data[start : start + size])
    except ValueError:
        raise _NotOursError from None
    if not isinstance(said, dict):
        raise _NotOursError
    return {**said, "start": start + size}


def _unpacked(data: bytes, spec: ProfileSpec) -> tuple[dict[str, Any], Profile]:
    said = _said(data)
    body = memoryview(data)[said["start"] : -4]
    try:
        tables, at = {}, 0
        for (name, schema), size in zip(TABLES.items(), said["sizes"], strict=True):
            tables[name] = _summed(pl.read_ipc_stream(io.BytesIO(body[at : at + size])))
            at += size
            if dict(tables[name].schema) != schema:
                raise _NotOursError
        mantissa, notes = tuple(said["mantissa"]), tuple(said["notes"])
    except (KeyError, TypeError, ValueError, pl.exceptions.PolarsError):
        raise _NotOursError from None
    return said, Profile(spec=spec, mantissa=mantissa, notes=notes, **tables)


def _spec(said: dict[str, Any]) -> ProfileSpec:
    """A spec from its JSON."""
    segments = tuple(
        (tuple(columns), tuple(tuple(values) for values in lists)) for columns, lists in said["segments"]
    )
    fields = tuple(FieldSpec(**f) for f in said["fields"])
    return ProfileSpec(
        **{**said, "window": WindowSpec(**said["window"]), "fields": fields, "segments": segments}
    )


def _write(path: Path, data: bytes) -> None:
    """All of it or nothing: a run that is killed leaves no half file under this name."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
