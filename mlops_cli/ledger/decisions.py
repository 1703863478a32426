"""mlops.decisions.toml: what people or automation decided, read and appended to; comments are kept.

Each kind is an array of tables (`[[ramp]]`); an entry is never changed, only added, so the file is a history
that can be reviewed and committed beside `mlops.toml`.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomli
import tomlkit

from mlops_cli.errors import UsageError, unknown

NAME = "mlops.decisions.toml"
# kind → keys that an entry must have
KINDS: Mapping[str, tuple[str, ...]] = {
    "accept": ("id",),  # a shift taken as the new normal
    "ack": ("id",),  # somebody has seen it
    "silence": ("id",),  # say nothing about it for a while
    "look": ("digest",),  # part of an error rate spent on looking at this evidence
    "ramp": ("share", "since"),  # a share of traffic that was set
    "retrain": ("at",),
}
_EMPTY: Mapping[str, tuple[Mapping[str, Any], ...]] = MappingProxyType({})


@dataclass(frozen=True)
class Decisions:
    """What stands in the file: by kind, entries in the order in which they were added."""

    entries: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=lambda: _EMPTY)

    def of(self, kind: str, **wanted: Any) -> tuple[Mapping[str, Any], ...]:
        """The entries of a kind whose keys have these values."""
        found = self.entries.get(kind, ())
        return tuple(e for e in found if all(e.get(k) == v for k, v in wanted.items()))

    @property
    def digest(self) -> str:
        """The same decisions, the same digest; empty where nothing was decided."""
        if not any(self.entries.values()):
            return ""
        text = json.dumps({k: list(v) for k, v in self.entries.items() if v}, sort_keys=True, default=str)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def beside(folder: str | Path) -> Path:
    """Where the decisions of a configuration in this folder stand."""
    return Path(folder) / NAME


def read(path: str | Path) -> Decisions:
    """The decisions of a file; none where there is no file.

    Raises
    ------
    UsageError
        Where the file is no TOML, holds an unknown kind, or an entry lacks a key.

    """
    try:
        data = tomli.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Decisions()
    except OSError as error:
        raise UsageError(
            f"decisions cannot be read: {error.strerror}", str(path), "see that it is a file"
        ) from None
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"this is no TOML: {error}", str(path), "repair it, or take the last commit's"
        ) from None
    data.pop("schema", None)
    entries = {}
    for kind, rows in data.items():
        if kind not in KINDS:
            raise unknown("kind of decision", kind, KINDS, str(path))
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise UsageError(f"{kind} is no array of tables", str(path), f"write [[{kind}]] above each entry")
        for number, row in enumerate(rows, 1):
            _check(kind, row, f"{path}, {number}. [[{kind}]]")
        entries[kind] = tuple(MappingProxyType(row) for row in rows)
    return Decisions(MappingProxyType(entries))


def append(path: str | Path, kind: str, entry: Mapping[str, Any]) -> Decisions:
    """Add one entry, keeping every comment, and return what then stands in the file.

    The file is replaced at once, under a lock of its folder: two runs that add at the same time both get in.

    Parameters
    ----------
    path : of the file, made where it is not there
    kind : one of KINDS
    entry : keys of TOML's types; None is left out, times become UTC without fractions

    Raises
    ------
    UsageError
        Where the kind is unknown, a key is missing, or the file cannot be read or written.

    """
    if kind not in KINDS:
        raise unknown("kind of decision", kind, KINDS, str(path))
    row = {k: _plain(v) for k, v in entry.items() if v is not None}
    _check(kind, row, f"{path}, new [[{kind}]]")
    target = Path(path)
    with _locked(target.parent):
        read(target)  # a broken file is never written over
        text = target.read_text(encoding="utf-8") if target.exists() else ""
        document = tomlkit.parse(text)
        table = tomlkit.table()
        table.update(row)
        if kind not in document:
            document.append(kind, tomlkit.aot())
        document[kind].append(table)
        _replace(target, tomlkit.dumps(document))
        return read(target)


def amend(path: str | Path, kind: str, changes: Mapping[str, Any]) -> Decisions:
    """Change the newest entry of a kind, keeping every comment, and return what then stands in the file.

    Parameters
    ----------
    path : of the file
    kind : one of KINDS, of which there is an entry
    changes : keys that are set; None is left out

    Raises
    ------
    UsageError
        Where the file cannot be read or written.

    """
    target = Path(path)
    with _locked(target.parent):
        if read(target).of(kind):
            document = tomlkit.parse(target.read_text(encoding="utf-8"))
            document[kind][-1].update({k: _plain(v) for k, v in changes.items() if v is not None})
            _replace(target, tomlkit.dumps(document))
        return read(target)


def _check(kind: str, row: Mapping[str, Any], where: str) -> None:
    lacking = [key for key in KINDS[kind] if key not in row]
    if lacking:
        raise UsageError(f"an entry lacks {', '.join(lacking)}", where, f"write {lacking[0]} = ...")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(microsecond=0)
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    return value


def _replace(target: Path, text: str) -> None:
    """Under a temporary name first: a reader sees the old file or the new one."""
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".decisions-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
        Path(temporary).replace(target)
    except OSError as error:
        raise UsageError(
            f"decisions cannot be written: {error.strerror}", str(target), "make the folder writable"
        ) from None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer at a time; released by the system if the process dies. Leaves no file behind."""
    try:
        import fcntl  # noqa: PLC0415 - not on every system; there the last of two writers wins
    except ImportError:  # pragma: no cover - Windows
        yield
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UsageError(
            f"no folder for decisions: {error.strerror}", str(folder), "make the folder"
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
