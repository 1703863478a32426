"""Sources → the store, each record once, whatever happens on the way."""

import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from mlops_cli.errors import UsageError
from mlops_cli.logs.discover import Discovered
from mlops_cli.logs.format import Logs, Part
from mlops_cli.logs.open import open_logs
from mlops_cli.logs.origins import AGAIN, GROWN, SAME, Measured, Work, measure, place_of, plan, still
from mlops_cli.logs.scratch import fresh
from mlops_cli.logs.settle import settled, without
from mlops_cli.logs.store import QUARANTINE, Chunk, Kept, Manifest, Origin, Store, is_store
from mlops_cli.logs.store_rows import Rows
from mlops_cli.logs.stream import BLOCK, is_compressed
from mlops_cli.logs.stream import chunks as pieces

Progress = Callable[[int, int], None]
NAMED = 1_000_000  # bad lines of a file that are named in the quarantine; all are counted
GROUP_FILES, GROUP_BYTES = 32, 256 << 20  # of sources, that one change of the store takes up
_WORD = re.compile(r"[^\w.-]+")


@dataclass
class Done:
    """What an ingest did."""

    files: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0
    bytes: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass
class _Change:
    """What is staged since the store changed last."""

    origins: list[Origin] = field(default_factory=list)
    made: dict[str, Kept] = field(default_factory=dict)
    staged: dict[str, str] = field(default_factory=dict)
    old: list[str] = field(default_factory=list)  # chunks whose rows are replaced
    bytes: int = 0


def ingest(
    store: Store,
    found: Discovered,
    *,
    retry: bool = False,
    keep_lines: bool = False,
    complete_lines: bool = False,
    progress: Progress | None = None,
) -> tuple[Store, Done]:
    """Take up what is new of the files found.

    Parameters
    ----------
    store : locked
    found : log files as `discover` found them
    retry : files with lines in quarantine are read again, as the configuration is now
    keep_lines : the quarantine holds the text of its lines
    complete_lines : a last line without a newline waits for the next time: it is being written
    progress : called with the bytes done and the bytes in all

    """
    done = Done()
    files = []
    for file in found.files:
        if Path(file.path).is_relative_to(store.root.resolve()):
            raise UsageError(
                "a store cannot take up itself", file.shown, "name the sources, or another store"
            )
        if file.quarantined and not file.columns:
            done.notes.append(
                f"{file.shown}: not read: {file.bad[0].reason if file.bad else 'it is damaged'}"
            )
        else:
            files.append(file)
    works = plan(files, store.manifest.origins, retry=retry)
    total = sum(w.file.bytes for w in works if w.todo != SAME)
    change, past = _Change(), 0
    for work in works:
        done.files[work.todo] = done.files.get(work.todo, 0) + 1
        if work.note:
            done.notes.append(f"{work.file.shown}: {work.note}")
        _take(store, work, change, done, keep_lines=keep_lines, complete_lines=complete_lines)
        if work.todo != SAME:
            past += work.file.bytes
            if progress is not None:
                progress(past, total)
        if len(change.staged) >= GROUP_FILES or change.bytes > GROUP_BYTES:
            store, change = _commit(store, change), _Change()
    store = _commit(store, change)
    done.bytes = total
    return settled(store), done


def _take(
    store: Store, work: Work, change: _Change, done: Done, *, keep_lines: bool, complete_lines: bool
) -> None:
    """One file: nothing, what was added to it, or all of it."""
    file, prior = work.file, work.prior
    if work.todo == SAME and prior is not None:
        if (prior.path, prior.fingerprint) != (place_of(file), file.fingerprint):
            change.origins.append(_same(prior, work))
        return
    new = _stretch(work, complete_lines=complete_lines)
    if new is None:
        return
    start, seen, path = new
    lines = sum(c.lines for c in prior.chunks) if prior is not None and start else 0
    ident = prior.id if prior is not None else _ident(file.path, file.fingerprint, store, change)
    stem = _WORD.sub("_", Path(file.shown).name)[-60:] or "stdin"
    name = f"{stem}-{ident}-{start}-{seen.bytes}"
    staging = store.staging / "text"
    given = {**file.columns, **file.given} if start else file.given  # a few lines tell less than many
    read = replace(
        file, path=path, given=given, named=NAMED, fingerprint=f"{file.fingerprint} {start} {seen.bytes}"
    )
    size = Path(path).stat().st_size
    logs = open_logs([read], staging, strict=False)
    if Path(path).stat().st_size != size:  # it grew while it was read
        shutil.rmtree(staging, ignore_errors=True)
        path = _copy(path, file.shown, start, seen.bytes)
        logs = open_logs([replace(read, path=path)], staging, strict=False)
    rows = Rows(store.staging, name)
    chunk = Chunk(id=name, start=start, end=seen.bytes, lines=seen.lines, open=not seen.whole)
    forgotten = prior.forgotten if prior is not None else []
    ours = len(Path(file.path).parents) > 2 and is_store(
        Path(file.path).parents[2]
    )  # its ids are hashes already
    for part in logs.parts:
        hashed = {"user_id", part.columns.get("user_id")} & set(file.privacy.hash)
        added = rows.add(part, model=file.model, forgotten=forgotten, hashing=not (ours or hashed))
        if added:
            chunk.rows[part.kind] = chunk.rows.get(part.kind, 0) + added
        chunk.quarantined += part.quarantined
    _quarantine(store, logs.parts, chunk, change, (start, lines), path if keep_lines else "")
    chunk.notes = list(logs.notes)
    _note(done, chunk, logs)
    shutil.rmtree(staging, ignore_errors=True)
    if path != file.path:
        Path(path).unlink()
    old = prior.chunks if prior is not None else []
    if work.todo == AGAIN:
        change.old += [c.id for c in old if c.id != name]
        old = []
    change.origins.append(
        Origin(
            id=ident,
            path=place_of(file),
            shown=file.shown,
            format=file.format,
            inode=Path(file.path).stat().st_ino,
            fingerprint=file.fingerprint if path == file.path or start else "",
            head=seen.head,
            last=seen.last,
            chunks=[*old, chunk],
            forgotten=list(forgotten),
            privacy=file.privacy.digest(),
        )
    )
    change.made |= rows.made
    change.staged |= rows.staged()
    change.bytes += file.bytes


def _same(prior: Origin, work: Work) -> Origin:
    """A file that was only touched, or that has another name now."""
    file = work.file
    inode = Path(file.path).stat().st_ino
    return msgspec.structs.replace(
        prior, path=place_of(file), shown=file.shown, fingerprint=file.fingerprint, inode=inode
    )


def _ident(path: str, fingerprint: str, store: Store, change: _Change) -> str:
    known = {o.id for o in (*store.manifest.origins, *change.origins)}
    at = 0
    while True:
        ident = hashlib.sha256(f"{path}\0{fingerprint}\0{at}".encode()).hexdigest()[:12]
        if ident not in known:
            return ident
        at += 1


def _stretch(work: Work, *, complete_lines: bool) -> tuple[int, Measured, str] | None:
    """Where the new part of a file begins, the file as far as it is read, and a file that holds the part."""
    file, prior = work.file, work.prior
    start = prior.end if prior is not None and work.todo == GROWN else 0
    if start and prior is not None and not still(file, prior):
        return None  # it was rotated just now: the next time knows
    seen = measure(file, begin=start)
    path = file.path
    if start or (complete_lines and not seen.whole):
        path = _copy(path, file.shown, start, seen.bytes)
    if complete_lines and not seen.whole:
        end = start + _cut(path)
        seen = measure(file, end, start)
    return (start, seen, path) if seen.bytes > start else None


def _copy(path: str, shown: str, start: int, end: int) -> str:
    """A part of a file, decompressed, as a file of its own: it grows no more."""
    target, at = fresh("part"), 0
    with Path(target).open("wb") as out:
        if start and not is_compressed(path):
            with Path(path).open("rb") as file:
                file.seek(start)
                while start < end and (data := file.read(min(BLOCK, end - start))):
                    out.write(data)
                    start += len(data)
            return target
        for piece in pieces(path, shown):
            if isinstance(piece, str):
                break
            out.write(piece[max(0, start - at) : max(0, end - at)])
            at += len(piece)
    return target


def _cut(path: str) -> int:
    """Cut a file after its last newline; how long it is then."""
    with Path(path).open("r+b") as file:
        end = file.seek(0, 2)
        while end:
            begin = max(0, end - BLOCK)
            file.seek(begin)
            at = file.read(end - begin).rfind(b"\n")
            if at >= 0:
                end = begin + at + 1
                break
            end = begin
        file.truncate(end)
    return end


def _note(done: Done, chunk: Chunk, logs: Logs) -> None:
    for kind, n in chunk.rows.items():
        done.rows[kind] = done.rows.get(kind, 0) + n
    done.quarantined += chunk.quarantined
    done.notes += [n for n in logs.notes if n not in done.notes]


def _quarantine(
    store: Store, parts: Sequence[Part], chunk: Chunk, change: _Change, base: tuple[int, int], text: str
) -> None:
    """The bad lines of a chunk in a file, at their places in the source; with their text only if asked."""
    bad = [b for part in parts for b in part.bad]
    if not bad:
        return
    name = f"quarantine-{chunk.id}.jsonl"
    path = store.staging / name
    path.touch(mode=0o600)
    with path.open("wb") as out:
        plain = _copy(text, "", 0, chunk.end) if text and is_compressed(text) else text
        handle = Path(plain).open("rb") if plain else None  # noqa: SIM115 - closed below
        for line in bad:
            told: dict[str, Any] = {
                "source": line.source,
                "line": line.line + base[1],
                "byte": line.byte + base[0],
                "length": line.length,
                "reason": line.reason,
            }
            if handle is not None:
                handle.seek(line.byte)
                told["text"] = handle.read(line.length).decode("utf-8", "replace")
            out.write(msgspec.json.encode(told) + b"\n")
        if handle is not None:
            handle.close()
        if plain != text:
            Path(plain).unlink()
    change.staged[name] = f"{QUARANTINE}/{chunk.id}.jsonl"


def _commit(store: Store, change: _Change) -> Store:
    """The store with what is staged; one change, whole or not at all."""
    if not change.origins:
        return store
    manifest, staged, removes = without(store, change.old)
    fresh_origins = {o.id: o for o in change.origins}
    origins = [fresh_origins.pop(o.id, o) for o in manifest.origins]
    new = Manifest(origins=[*origins, *fresh_origins.values()], files={**manifest.files, **change.made})
    removes = [r for r in removes if r not in change.made]
    return store.commit(new, {**staged, **change.staged}, removes)
