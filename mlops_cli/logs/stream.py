"""Bytes of a log file, decompressed, as blocks of whole lines; what cannot be read is named."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mlops_cli.errors import DataError
from mlops_cli.result.report import BadLine

NEWLINE = 10
BLOCK = 1 << 18  # what is decoded of it stays in the processor's cache
LONGEST = 16 << 20  # a longer line is damage, or no line: the JSON reader stops there too
HEAD = 1 << 16
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
BOM = b"\xef\xbb\xbf"
KEPT = 100  # bad lines of a file that are named; all are counted


@dataclass(frozen=True)
class Block:
    """Whole lines. `line` is the number of the first, from 1; `byte` its place in the decompressed file."""

    data: bytes
    line: int
    byte: int


def blocks(path: str, shown: str) -> Iterator[Block | BadLine]:
    """The file in order. A line longer than LONGEST and the cut end of a compressed file are bad lines.

    Every line is in one block or is one bad line; the last line need not end in a newline.
    """
    lines = _Lines(shown)
    for data in chunks(path, shown):
        yield from lines.cut(data) if isinstance(data, str) else lines.take(data)
        if isinstance(data, str):
            return
    yield from lines.end()


@dataclass
class _Lines:
    """Pieces of a file put together to whole lines. `lost` bytes of a line too long are already gone."""

    shown: str
    rest: bytes = b""
    line: int = 1
    byte: int = 0
    lost: int = 0

    def take(self, data: bytes) -> Iterator[Block | BadLine]:
        """One more piece."""
        end = data.rfind(b"\n") + 1
        if not end:
            self.rest += data
            if len(self.rest) > LONGEST:
                self.rest, self.lost = b"", self.lost + len(self.rest)
            return
        whole, self.rest = self._without_mark(self.rest + data[:end]), data[end:]
        first = whole.index(b"\n") + 1 if self.lost or len(whole) > LONGEST else 0
        if self.lost + first > LONGEST:
            size = self.lost + first
            yield BadLine(self.shown, self.line, self.byte, size - 1, _too_long(size))
            whole, self.line, self.byte, self.lost = whole[first:], self.line + 1, self.byte + size, 0
        if whole:
            yield Block(whole, self.line, self.byte)
            self.line, self.byte = self.line + newlines(whole), self.byte + len(whole)

    def _without_mark(self, data: bytes) -> bytes:
        """Without the byte order mark of the file's start."""
        if self.byte or not data.startswith(BOM):
            return data
        self.byte = len(BOM)
        return data[len(BOM) :]

    def end(self) -> Iterator[Block | BadLine]:
        """The last line, where no newline ends it."""
        rest = self._without_mark(self.rest)
        if self.lost:
            size = self.lost + len(rest)
            yield BadLine(self.shown, self.line, self.byte, size, _too_long(size))
        elif rest:
            yield Block(rest, self.line, self.byte)

    def cut(self, why: str) -> Iterator[BadLine]:
        """The stream ends here, maybe within a line."""
        yield BadLine(self.shown, self.line, self.byte, self.lost + len(self.rest), why)


def newlines(data: bytes) -> int:
    """How many there are; six times as fast as bytes.count."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == NEWLINE))


def _too_long(size: int) -> str:
    return f"the line has {size / 1e6:,.0f} MB; lines of up to {LONGEST >> 20} MiB are read"


def chunks(path: str, shown: str) -> Iterator[bytes | str]:
    """Decompressed bytes; where the compressed stream is cut or damaged a last text says so."""
    with opened(path, shown) as file:
        magic = file.read(4)
        file.seek(0)
        if magic.startswith(GZIP):
            yield from _gunzip(file)
        elif magic == ZSTD:
            yield from _unzstd(path)
        else:
            while data := file.read(BLOCK):
                yield data


def head(path: str, shown: str, size: int = HEAD) -> bytes:
    """The first bytes, decompressed; fewer than `size` where the file is smaller or damaged."""
    out = b""
    for data in chunks(path, shown):
        if isinstance(data, str):
            break
        out += data
        if len(out) >= size:
            break
    return out[:size]


def is_compressed(path: str) -> bool:
    """Whether the file is gzip or zstd."""
    with Path(path).open("rb") as file:
        magic = file.read(4)
    return magic.startswith(GZIP) or magic == ZSTD


def opened(path: str, shown: str) -> BinaryIO:
    """The file for reading; a DataError where that is not allowed."""
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise unreadable(shown, error) from None


def unreadable(shown: str, error: OSError) -> DataError:
    """A file or folder that the system does not let us read."""
    do = (
        "allow this user to read it, or leave it out"
        if isinstance(error, PermissionError)
        else "see the file"
    )
    return DataError(f"it cannot be read: {(error.strerror or str(error)).lower()}", shown, do)


def _gunzip(file: BinaryIO) -> Iterator[bytes | str]:
    """Members one after another, as `cat a.gz b.gz` makes them; zeros after the last are padding."""
    unpack, data, at = zlib.decompressobj(31), b"", 0
    while True:
        if not data:
            data = file.read(BLOCK >> 2)
            if not data:
                break
        try:
            out = unpack.decompress(data, BLOCK)
        except zlib.error as error:
            yield f"the gzip stream is damaged here ({str(error).split(': ')[-1]}): the rest cannot be read"
            return
        if out:
            yield out
        at += len(out)
        data = unpack.unconsumed_tail
        if unpack.eof:
            data = unpack.unused_data or file.read(BLOCK >> 2)
            if not data.strip(b"\0") and len(data) < BLOCK >> 2:
                return
            unpack = zlib.decompressobj(31)
    yield f"the gzip stream is cut off here, after {at:,} bytes"


def _unzstd(path: str) -> Iterator[bytes | str]:
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s, and most logs are not zstd

    at = 0
    try:
        with pa.CompressedInputStream(pa.OSFile(path), "zstd") as file:
            while data := _read(file):
                at += len(data)
                yield data
    except OSError as error:
        yield f"the zstd stream is damaged or cut off here, after {at:,} bytes ({str(error).splitlines()[0]})"


def _read(file: Any) -> bytes:
    return bytes(file.read(BLOCK >> 2))
