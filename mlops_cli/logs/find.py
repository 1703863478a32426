"""Paths as users give them (files, folders, globs, `-`) → files, each once, with the settings for it."""

import glob
import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from mlops_cli.config.load import NAMES, load_file, own_file
from mlops_cli.config.settings import Settings, Source
from mlops_cli.errors import DataError, UsageError, nearest
from mlops_cli.logs.scratch import fresh
from mlops_cli.logs.store import Kept, is_store, look, quarantined
from mlops_cli.logs.stream import KEPT, unreadable
from mlops_cli.result.report import BadLine

STDIN = "-"
ENDS = 1 << 16  # bytes of either end that are in the fingerprint
OURS = {
    *NAMES,
    "mlops.decisions.toml",
    "mlops.baselines",
    "__pycache__",
    "_delta_log",
    "_temporary",
    "_SUCCESS",
}


@dataclass(frozen=True)
class Candidate:
    """A file that may be a log. `within` is its path below what the user named: it may hint at the kind."""

    path: str
    shown: str
    within: str
    settings: Settings
    settings_path: str = ""
    model: str = ""
    source: Source | None = None
    named: bool = True  # by the user; not only found in a folder
    spooled: bool = False
    kept: Kept | None = None  # of a store: what its manifest says of the file
    lost: int = 0  # lines that are missing from a store, told of with one file of it
    bad: tuple[BadLine, ...] = ()
    privacy: tuple[str, ...] = ()  # what [privacy] was when the rows were kept


@dataclass
class Found:
    """Candidates in the order of their names, and what was passed over."""

    files: list[Candidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find(paths: Sequence[str], settings: Settings, config_dir: str) -> Found:
    """All files under `paths`; without any, those of the settings' sources.

    Raises
    ------
    UsageError
        Where nothing is named at all, or a path is in a cloud.
    DataError
        Where a path is not there or may not be read.

    """
    out, seen = Found(), set[str]()
    if paths:
        sources = _by_source(settings, config_dir)
        for path in paths:
            for one in _expand(path, settings, config_dir, out.notes):
                _add(out, seen, one, sources)
        return out
    if not settings.sources:
        raise UsageError(
            "no logs are named",
            "the command line",
            "name a file or folder (mlops monitor LOGS/), or write [sources.NAME] in mlops.toml",
        )
    for source in settings.sources.values():
        path = source.path if source.path == STDIN else str(Path(config_dir) / source.path)
        for one in _expand(path, settings, config_dir, out.notes):
            _add(out, seen, one, {one.path: source})
    return out


def _matches(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern


def _add(out: Found, seen: set[str], one: Candidate, sources: Mapping[str, Source]) -> None:
    if one.path in seen:
        return
    seen.add(one.path)
    source = one.source or sources.get(one.path)
    out.files.append(Candidate(**{**vars(one), "source": source, "named": one.named or source is not None}))


def _by_source(settings: Settings, folder: str) -> dict[str, Source]:
    """The files of the settings' sources: what is said of them there holds when they are named, too."""
    out: dict[str, Source] = {}
    for source in settings.sources.values():
        for path in _matches(str(Path(folder) / source.path)):
            below = [path] if not Path(path).is_dir() else [str(p) for p in Path(path).rglob("*")]
            out |= {os.path.realpath(p): source for p in below}
    return out


def _expand(path: str, settings: Settings, config_dir: str, notes: list[str]) -> Iterator[Candidate]:
    if path == STDIN:
        if sys.stdin is None:
            raise DataError("standard input is closed", STDIN, "pipe logs into it, or name a file")
        yield Candidate(_spool(sys.stdin.buffer, "stdin"), STDIN, "", settings, spooled=True)
        return
    if "://" in path:
        raise UsageError(
            "a path in a cloud cannot be read yet", path, "copy the files here, or mount the bucket"
        )
    if glob.has_magic(path) and not os.path.lexists(path):
        hits = [p for p in _matches(path) if not Path(p).is_dir()]
        if not hits:
            raise DataError("no file matches", path, "see the pattern; ** stands for any folders")
        for hit in hits:
            yield Candidate(os.path.realpath(hit), hit, hit, settings)
        return
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        raise _absent(path, error) from None
    if stat.S_ISDIR(mode):
        yield from _Walk(settings, config_dir, notes).folder(Path(path))
    elif stat.S_ISREG(mode):
        yield Candidate(os.path.realpath(path), path, path, settings)
    else:  # a pipe: <(command)
        with Path(path).open("rb") as file:
            yield Candidate(_spool(file, "pipe"), path, "", settings, spooled=True)


def _stored(root: Path, settings: Settings) -> Iterator[Candidate]:
    """The files of a store that its manifest knows, and with the first of them what is missing from it."""
    manifest = look(root).manifest
    lost = sum(c.quarantined for o in manifest.origins for c in o.chunks)
    bad = tuple(quarantined(root, KEPT)) if lost else ()
    privacy = tuple({o.privacy for o in manifest.origins})
    for place, kept in sorted(manifest.files.items()):
        path = root / place
        yield Candidate(
            os.path.realpath(path), str(path), place, settings, kept=kept, lost=lost, bad=bad, privacy=privacy
        )
        lost, bad = 0, ()


def _absent(path: str, error: OSError) -> DataError:
    if not isinstance(error, FileNotFoundError):
        return unreadable(path, error)
    folder = Path(path).parent
    try:
        near = nearest(Path(path).name, [p.name for p in folder.iterdir()])
    except OSError:
        near = ""
    do = f"write '{folder / near}'?" if near else "name a file or folder that is there"
    return DataError("there is no such file or folder", path, do)


def _spool(file: BinaryIO, name: str) -> str:
    path = fresh(name)
    with Path(path).open("wb") as out:
        shutil.copyfileobj(file, out)
    return path


@dataclass
class _Walk:
    """A folder and all below; a sub-folder with its own mlops.toml is a model with its own settings."""

    settings: Settings
    config_dir: str
    notes: list[str]
    seen: set[str] = field(default_factory=set)

    def folder(self, top: Path) -> Iterator[Candidate]:
        if is_store(top):
            yield from _stored(top, self.settings)
            return
        own = own_file(top)
        if own is not None and own.parent.resolve() != Path(self.config_dir).resolve():
            self.notes.append(f"{own} is not used: run in that folder, or pass --config {own}")
        elif own is not None and own.parent.resolve() != Path.cwd():
            self.notes.append(f"the settings are those of {own} (--config, --isolated)")
        yield from self._walk(top, top, self.settings, "", "")

    def _walk(
        self, top: Path, folder: Path, settings: Settings, settings_path: str, model: str
    ) -> Iterator[Candidate]:
        real = os.path.realpath(folder)
        if real in self.seen:
            self.notes.append(f"{folder} was read before under another name (a link): not read twice")
            return
        self.seen.add(real)
        if is_store(folder):
            self.notes.append(f"{folder} is a store of ingested logs: not read beside them; name it itself")
            return
        try:
            names = sorted(p.name for p in folder.iterdir())
        except OSError as error:
            raise unreadable(str(folder), error) from None
        for name in names:
            if name.startswith(".") or name in OURS:
                continue
            path = folder / name
            if path.is_dir():
                yield from self._below(top, path, settings, settings_path, model)
            elif path.is_file():
                within = str(path.relative_to(top))
                shown = str(path)
                yield Candidate(
                    os.path.realpath(path), shown, within, settings, settings_path, model, named=False
                )
            elif path.is_symlink():
                self.notes.append(f"{path} is a link to nothing")
            else:
                self.notes.append(f"{path} is no file: not read")

    def _below(
        self, top: Path, path: Path, settings: Settings, settings_path: str, model: str
    ) -> Iterator[Candidate]:
        own = own_file(path)
        if own is None:
            yield from self._walk(top, path, settings, settings_path, model)
            return
        mine = load_file(str(own))
        if mine.sources:
            for one in find((), mine, str(path)).files:
                yield Candidate(**{**vars(one), "settings_path": str(own), "model": path.name})
        else:
            yield from self._walk(top, path, mine, str(own), path.name)


def fingerprint(path: str, *, content: bool = False) -> str:
    """`sha256:` of size, time of change and both ends; with `content` of all bytes: a pipe has no time."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        if content:
            while data := file.read(1 << 20):
                digest.update(data)
        else:
            seen = os.fstat(file.fileno())
            digest.update(f"{seen.st_size} {seen.st_mtime_ns} ".encode())
            digest.update(file.read(ENDS))
            file.seek(max(0, seen.st_size - ENDS))
            digest.update(file.read(ENDS))
    return f"sha256:{digest.hexdigest()}"
