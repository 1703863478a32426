"""Which source files are new, have grown, or were rotated: told by what was read of them, not by name."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops_cli.logs.find import ENDS
from mlops_cli.logs.format import LogFile
from mlops_cli.logs.json_records import is_records
from mlops_cli.logs.registry import FORMATS
from mlops_cli.logs.store import Origin
from mlops_cli.logs.stream import chunks, head, is_compressed, newlines

NEW, GROWN, AGAIN, SAME = "new", "grown", "read again", "unchanged"


@dataclass(frozen=True)
class Work:
    """A file, what was read of it before, and what is to do.

    `prior` is None for a new file. With AGAIN all of it is read and takes the place of what was read.
    """

    file: LogFile
    todo: str
    prior: Origin | None = None
    note: str = ""


@dataclass(frozen=True)
class Measured:
    """Of the first bytes of a decompressed file: how many, newlines, hashes of both ends."""

    bytes: int
    lines: int
    head: str
    last: str
    whole: bool  # a newline ends them


def plan(files: Sequence[LogFile], origins: Sequence[Origin], *, retry: bool) -> list[Work]:
    """What is to do with each file; no file is taken for two, no two for one."""
    by_path = {o.path: o for o in origins}
    taken: set[str] = set()
    out: dict[int, Work] = {}
    for i, file in enumerate(files):
        prior = by_path.get(file.path)
        work = _known(file, prior) if prior is not None else None
        if work is not None and prior is not None:
            out[i] = work
            taken.add(prior.id)
    for i, file in enumerate(files):
        if i not in out:
            moved = _moved(file, [o for o in origins if o.id not in taken])
            if moved is not None and moved.prior is not None:
                taken.add(moved.prior.id)
            out[i] = moved or Work(file, NEW, note="replaced" if file.path in by_path else "")
    if retry:
        out = {i: _retried(work) for i, work in out.items()}
    return [out[i] for i in range(len(files))]


def _retried(work: Work) -> Work:
    lost = work.prior is not None and any(c.quarantined for c in work.prior.chunks)
    return Work(work.file, AGAIN, work.prior, work.note) if lost else work


def _known(file: LogFile, prior: Origin) -> Work | None:
    """A file under the name that it had; None where another file has that name now."""
    if prior.fingerprint == file.fingerprint:
        return Work(file, SAME, prior)
    if FORMATS[file.format].read is None:  # Parquet is never appended to: the table was written again
        return Work(file, AGAIN, prior, "written again")
    found = measure(file, prior.end)
    if not _is(found, prior):
        return None
    if measure_more(file, prior.end):
        return Work(file, GROWN if _continues(file, prior) else AGAIN, prior)
    return Work(file, SAME, prior, "touched")


def _is(found: Measured, prior: Origin) -> bool:
    return (found.bytes, found.head, found.last) == (prior.end, prior.head, prior.last)


def _continues(file: LogFile, prior: Origin) -> bool:
    """Whether what was added can be read alone."""
    return appends(file) and not any(c.open for c in prior.chunks) and prior.format == file.format


def appends(file: LogFile) -> bool:
    """Whether further lines of such a file can be read without those before them."""
    return (
        FORMATS[file.format].appends
        and not is_compressed(file.path)
        and not is_records(head(file.path, file.shown))
    )


def _moved(file: LogFile, origins: Sequence[Origin]) -> Work | None:
    """A file that was read under another name, which it has no more: rotated, compressed, moved."""
    inode = Path(file.path).stat().st_ino
    for prior in origins:
        if prior.path == file.path or not prior.end or not _gone(prior):
            continue
        if prior.inode != inode and not prior.rows:
            continue
        if FORMATS[file.format].read is None or prior.format == "parquet":
            if prior.fingerprint == file.fingerprint:
                return Work(file, SAME, prior, f"was {prior.shown}")
            continue
        if _is(measure(file, prior.end), prior):
            more = measure_more(file, prior.end)
            todo = (GROWN if _continues(file, prior) else AGAIN) if more else SAME
            return Work(file, todo, prior, f"was {prior.shown}")
    return None


def _gone(prior: Origin) -> bool:
    """Whether the file that was read is no more where it was."""
    path = Path(prior.path)
    if not path.is_file():
        return True
    if prior.format == "parquet":
        return False
    return not _is(_measure(prior.path, prior.shown, prior.end), prior)


def measure(file: LogFile, limit: int | None = None) -> Measured:
    """The first `limit` bytes, decompressed; all without."""
    if FORMATS[file.format].read is None:
        size = Path(file.path).stat().st_size
        return Measured(size, 0, file.fingerprint, "", whole=True)
    return _measure(file.path, file.shown, limit)


def _measure(path: str, shown: str, limit: int | None) -> Measured:
    size = lines = 0
    first, last = b"", b""
    for data in _pieces(path, shown, limit):
        size, lines = size + len(data), lines + newlines(data)
        if len(first) < ENDS:
            first = (first + data)[:ENDS]
        last = (last + data)[-ENDS:] if len(data) < ENDS else data[-ENDS:]
    return Measured(size, lines, _hash(first), _hash(last), whole=not last or last.endswith(b"\n"))


def _pieces(path: str, shown: str, limit: int | None) -> Iterator[bytes]:
    left = limit
    for data in chunks(path, shown):
        if isinstance(data, str):
            return
        piece = data if left is None else data[:left]
        if piece:
            yield piece
        if left is not None:
            left -= len(piece)
            if left <= 0:
                return


def measure_more(file: LogFile, end: int) -> bool:
    """Whether there is anything after `end`."""
    at = 0
    for data in chunks(file.path, file.shown):
        if isinstance(data, str):
            return False
        at += len(data)
        if at > end:
            return True
    return False


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def counted(works: Sequence[Work]) -> Mapping[str, int]:
    """How many files there are of each."""
    out: dict[str, int] = {}
    for work in works:
        out[work.todo] = out.get(work.todo, 0) + 1
    return out
