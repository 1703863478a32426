"""The store: hive-partitioned Parquet of canonical columns, and the manifest that says what is in it.

    STORE/kind=predictions/date=2026-01-03/NAME.parquet    rows, for every reader of Parquet
    STORE/quarantine/NAME.jsonl                            lines that could not be read
    STORE/mlops.store.json                                 the manifest: files, sources, offsets

A change is staged under other names, written down in a journal whose renaming is the moment it happens,
then carried out. Whatever was running may be killed at any time: the next to open the store carries out
what a journal says, or throws away what was staged without one.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mlops_cli.errors import DataError, UsageError
from mlops_cli.result.report import BadLine

MANIFEST = "mlops.store.json"
VERSION = 1
QUARANTINE = "quarantine"
SOURCE = "source"  # the column that says which chunk a row comes from
WAIT = 3_600  # seconds for another ingest to end
_JOURNAL, _STAGING, _LOCK = ".journal.json", ".staging", ".lock"


class Chunk(msgspec.Struct, kw_only=True):
    """A stretch of a source, `start` to `end` in bytes of its decompressed text, that was read at once."""

    id: str
    start: int
    end: int
    lines: int  # newlines in it
    open: bool = False  # no newline ends it: its last line may still grow
    rows: dict[str, int] = {}
    quarantined: int = 0
    notes: list[str] = []


class Origin(msgspec.Struct, kw_only=True):
    """A source file. `head` and `last` are hashes of both ends of what was read of it."""

    id: str
    path: str
    shown: str
    format: str
    inode: int
    fingerprint: str
    head: str
    last: str
    chunks: list[Chunk] = []
    forgotten: list[str] = []  # conditions of `store forget`; they hold when it is read again
    privacy: str = ""

    @property
    def end(self) -> int:
        """Bytes that were read."""
        return self.chunks[-1].end if self.chunks else 0

    @property
    def rows(self) -> int:
        """Of all kinds."""
        return sum(n for chunk in self.chunks for n in chunk.rows.values())


class Kept(msgspec.Struct, kw_only=True):
    """A Parquet file; times in microseconds. `was` are its columns before it was made equal to others."""

    kind: str
    date: str
    rows: int
    bytes: int
    digest: str
    columns: dict[str, str]
    was: dict[str, str]
    chunks: list[str]
    start: int | None = None
    end: int | None = None


class Manifest(msgspec.Struct, kw_only=True):
    """All that is in a store."""

    version: int = VERSION
    origins: list[Origin] = []
    files: dict[str, Kept] = {}


class Journal(msgspec.Struct):
    """A change that has happened: what was staged is moved, what is gone is removed, then the manifest."""

    moves: list[tuple[str, str]]
    removes: list[str]
    manifest: Manifest


@dataclass(frozen=True)
class Store:
    """An open store. Only its holder of the lock may change it."""

    root: Path
    manifest: Manifest

    @property
    def staging(self) -> Path:
        """Where files are written before they are part of the store."""
        return self.root / _STAGING

    def commit(self, manifest: Manifest, staged: Mapping[str, str], removes: Sequence[str] = ()) -> "Store":
        """The store after a change: `staged` maps names under `staging` to their places in the store."""
        for name in staged:
            _sync(self.staging / name)
        gone = [name for name in removes if name not in set(staged.values())]
        journal = Journal(list(staged.items()), gone, manifest)
        _write(self.root / _JOURNAL, msgspec.json.encode(journal))
        _carry_out(self.root, journal)
        return Store(self.root, manifest)


def is_store(folder: Path) -> bool:
    """Whether a folder is one."""
    return (folder / MANIFEST).is_file()


def look(root: Path) -> Store:
    """The store for reading; a change that has happened but was not carried out is carried out.

    Raises
    ------
    DataError
        Where there is no store, or its manifest is damaged.

    """
    if (root / _JOURNAL).exists():
        with locked(root) as store:
            return store
    return Store(root, _manifest(root))


@contextmanager
def locked(root: Path, *, create: bool = False) -> Iterator[Store]:
    """The store for changing it; one process at a time, others wait.

    Raises
    ------
    UsageError
        Where the folder holds something else, or cannot be written.

    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - of no use to commands that only read

    if create and not is_store(root):
        _found(root)
    elif not root.is_dir():
        raise _none(root)
    try:
        with FileLock(root / _LOCK, timeout=WAIT):
            _mend(root)
            if create and not is_store(root):
                _write(root / MANIFEST, msgspec.json.encode(Manifest()))
            yield Store(root, _manifest(root))
            shutil.rmtree(root / _STAGING, ignore_errors=True)
    except Timeout:
        raise UsageError(
            "another process is changing this store", str(root), "wait until it is done"
        ) from None
    except PermissionError as error:
        raise UsageError(
            f"it cannot be written: {error.strerror}", str(root), "choose another folder"
        ) from None


def _found(root: Path) -> None:
    """A new store: a folder with nothing else in it."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        others = sorted(p.name for p in root.iterdir() if p.name not in (_LOCK, _STAGING, _JOURNAL))
    except (FileExistsError, NotADirectoryError):
        raise UsageError("this is a file", str(root), "name a folder for the store") from None
    except OSError as error:
        raise UsageError(f"it cannot be made: {error.strerror}", str(root), "choose another folder") from None
    if others:
        raise UsageError(
            f"this folder is no store and not empty: {', '.join(others[:3])}",
            str(root),
            "name a new or empty folder",
        )


def _none(root: Path) -> DataError:
    return DataError("there is no store here", str(root), f"make one: mlops ingest LOGS --to {root}")


def _manifest(root: Path) -> Manifest:
    try:
        found = msgspec.json.decode((root / MANIFEST).read_bytes(), type=Manifest)
    except OSError:
        raise _none(root) from None
    except msgspec.MsgspecError as error:
        raise DataError(
            f"the store's manifest is damaged: {error}",
            str(root / MANIFEST),
            "ingest again into a new folder",
        ) from None
    if found.version != VERSION:
        raise DataError(
            f"the store is of version {found.version}, this program writes {VERSION}",
            str(root),
            "ingest again into a new folder",
        )
    return found


def _mend(root: Path) -> None:
    """Carry out what has happened, throw away what has not."""
    journal = root / _JOURNAL
    if journal.exists():
        _carry_out(root, msgspec.json.decode(journal.read_bytes(), type=Journal))
    shutil.rmtree(root / _STAGING, ignore_errors=True)
    (root / _STAGING).mkdir(exist_ok=True)


def _carry_out(root: Path, journal: Journal) -> None:
    """May be begun again at any point: what is moved already is where it belongs."""
    for name, place in journal.moves:
        staged, final = root / _STAGING / name, root / place
        if staged.exists():
            final.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(final)
    for place in journal.removes:
        (root / place).unlink(missing_ok=True)
        _prune(root, (root / place).parent)
    _write(root / MANIFEST, msgspec.json.encode(journal.manifest))
    (root / _JOURNAL).unlink(missing_ok=True)


def _prune(root: Path, folder: Path) -> None:
    """Folders without files."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _write(path: Path, data: bytes) -> None:
    """To another name, then renamed: whole or not at all."""
    beside = path.with_name(f"{path.name}.tmp")
    with beside.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def quarantined(root: Path, limit: int) -> list[BadLine]:
    """The first bad lines that the store knows of."""
    out: list[BadLine] = []
    for path in sorted((root / QUARANTINE).glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            if len(out) >= limit:
                return out
            told = msgspec.json.decode(line)
            out.append(BadLine(told["source"], told["line"], told["byte"], told["length"], told["reason"]))
    return out
