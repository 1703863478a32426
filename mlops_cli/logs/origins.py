"""Which source files are new, have grown, or were rotated: told by what was read of them, not by name."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops_cli.logs.find import ENDS, STDIN
from mlops_cli.logs.format import LogFile
from mlops_cli.logs.json_records import is_records
from mlops_cli.logs.registry import FORMATS
from mlops_cli.logs.store import Origin
from mlops_cli.logs.stream import BLOCK, chunks, head, is_compressed, newlines

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
        prior = by_path.get(place_of(file))
        work = _known(file, prior) if prior is not None else None
        if work is not None and prior is not None:
            out[i] = work
            taken.add(prior.id)
    for i, file in enumerate(files):
        if i not in out:
            moved = _moved(file, [o for o in origins if o.id not in taken])
            if moved is not None and moved.prior is not None:
                taken.add(moved.prior.id)
            out[i] = moved or Work(
                file, NEW, note="replaced" if place_of(file) in by_path and file.shown != STDIN else ""
            )
    if retry:
        out = {i: _retried(work) for i, work in out.items()}
    return [out[i] for i in range(len(files))]


def place_of(file: LogFile) -> str:
    """Where a source is; standard input is one place, wherever it was put."""
    return STDIN if file.shown == STDIN else file.path


def _retried(work: Work) -> Work:
    lost = work.prior is not None and any(c.quarantined for c in work.prior.chunks)
    return Work(work.file, AGAIN, work.prior, work.note) if lost else work


def _known(file: LogFile, prior: Origin) -> Work | None:
    """A file under the name that it had; None where another file has that name now."""
    if prior.fingerprint == file.fingerprint:
        return Work(file, SAME, prior)
    if FORMATS[file.format].read is None:  # Parquet is never appended to: the table was written again
        return Work(file, AGAIN, prior, "written again")
    if not still(file, prior):
        return None
    if _more(file, prior.end):
        return Work(file, GROWN if _continues(file, prior) else AGAIN, prior)
    return Work(file, SAME, prior, "touched")


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
        if prior.path == place_of(file) or not prior.end or not _gone(prior):
            continue
        if prior.inode != inode and not prior.rows:
            continue
        if FORMATS[file.format].read is None or prior.format == "parquet":
            if prior.fingerprint == file.fingerprint:
                return Work(file, SAME, prior, f"was {prior.shown}")
            continue
        if still(file, prior):
            todo = (GROWN if _continues(file, prior) else AGAIN) if _more(file, prior.end) else SAME
            return Work(file, todo, prior, f"was {prior.shown}")
    return None


def _gone(prior: Origin) -> bool:
    """Whether the file that was read is no more where it was."""
    path = Path(prior.path)
    if not path.is_file():
        return True
    if prior.format == "parquet":
        return False
    return not _begins(prior.path, prior.shown, prior)


def measure(file: LogFile, limit: int | None = None, begin: int = 0) -> Measured:
    """The first `limit` bytes, decompressed; all without. Newlines are those after `begin`."""
    if FORMATS[file.format].read is None:
        size = Path(file.path).stat().st_size
        return Measured(size, 0, file.fingerprint, "", whole=True)
    if begin:
        return _from(file.path, begin, limit)
    return _measure(file.path, file.shown, limit)


def still(file: LogFile, prior: Origin) -> bool:
    """Whether a file begins with what was read of it."""
    return _begins(file.path, file.shown, prior)


def _begins(path: str, shown: str, prior: Origin) -> bool:
    if is_compressed(path):
        return _is(_measure(path, shown, prior.end), prior)
    with Path(path).open("rb") as file:
        first = file.read(min(ENDS, prior.end))
        file.seek(max(0, prior.end - ENDS))
        last = file.read(min(ENDS, prior.end))
        whole = file.tell() == prior.end
    return whole and (_hash(first), _hash(last)) == (prior.head, prior.last)


def _is(found: Measured, prior: Origin) -> bool:
    return (found.bytes, found.head, found.last) == (prior.end, prior.head, prior.last)


def _from(path: str, begin: int, limit: int | None) -> Measured:
    """A plain file whose part before `begin` is known, up to `limit`."""
    with Path(path).open("rb") as file:
        first = file.read(ENDS)
        file.seek(max(0, begin - ENDS))
        last, size, lines = file.read(min(ENDS, begin)), begin, 0
        while data := file.read(BLOCK if limit is None else min(BLOCK, limit - size)):
            size, lines = size + len(data), lines + newlines(data)
            last = (last + data)[-ENDS:]
    return Measured(size, lines, _hash(first[:size]), _hash(last), whole=last.endswith(b"\n"))


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


def _more(file: LogFile, end: int) -> bool:
    """Whether there is anything after `end`."""
    if not is_compressed(file.path):
        return Path(file.path).stat().st_size > end
    return _measure(file.path, file.shown, end + 1).bytes > end


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
