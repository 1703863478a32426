"""Rows of many files by the upper bits of a hash: read once; what memory cannot hold lies in files."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from mlops_cli.logs.scratch import fresh

HELD = 32 << 20  # bytes of rows in memory; beyond, all that are held go to files
PIECE = 250_000  # rows that are read at a time
MOST = 256  # partitions


def spread(rows: pl.LazyFrame, key: str, count: int, held: int = 0) -> Iterator[pl.DataFrame]:
    """The rows of each partition, one after another; those without a key are in the first.

    Parameters
    ----------
    rows : read once, in pieces
    key : name of a column of UInt64, null where there is none
    count : of partitions, at least 1
    held : bytes in memory at most; 0: HELD

    """
    if count == 1:
        yield rows.collect(engine="streaming")
        return
    parts = _Parts(min(count, MOST), rows.collect_schema(), held or HELD)
    try:
        for piece in rows.collect_batches(chunk_size=PIECE, maintain_order=True, engine="streaming"):
            parts.add(piece.rechunk(), key)  # a column in several pieces is gathered ten times as slowly
        for number in range(parts.count):
            yield parts.take(number)
    finally:
        parts.remove()


class _Parts:
    """Rows on their way: in memory, and in a file for each partition and each time that memory was full."""

    def __init__(self, count: int, schema: pl.Schema, held: int) -> None:
        self.count, self.schema, self.limit = count, schema, held
        self.number = (np.arange(1 << 16) * count >> 16).astype(np.uint8)
        self.size = 0
        self.held: list[list[pl.DataFrame]] = [[] for _ in range(count)]
        self.files: list[list[str]] = [[] for _ in range(count)]

    def add(self, piece: pl.DataFrame, key: str) -> None:
        """Further rows."""
        # The upper 16 bits of the hash, little-endian.
        number = self.number[piece[key].fill_null(0).to_numpy().view(np.uint16)[3::4]]
        order = np.argsort(number, kind="stable").astype(np.uint32)
        rows = piece.select(pl.all().gather(pl.Series(order)))
        ends = np.searchsorted(number[order], np.arange(self.count), side="right").tolist()
        for held, start, end in zip(self.held, [0, *ends], ends, strict=False):
            if end > start:
                held.append(rows[start:end])
        self.size += int(rows.estimated_size())
        if self.size > self.limit:
            self._flush()

    def _flush(self) -> None:
        for held, files in zip(self.held, self.files, strict=True):
            if held:
                files.append(fresh("partition"))
                _write(pl.concat(held, rechunk=True), files[-1])
                held.clear()
        self.size = 0

    def take(self, number: int) -> pl.DataFrame:
        """All rows of a partition, in the order in which they were read; they are gone then."""
        frames = [_read(path) for path in self.files[number]]
        self._forget(number)
        frames += self.held[number]
        self.held[number] = []
        return pl.concat(frames) if frames else pl.DataFrame(schema=self.schema)

    def _forget(self, number: int) -> None:
        for path in self.files[number]:
            with suppress(OSError):
                Path(path).unlink()
        self.files[number] = []

    def remove(self) -> None:
        """Delete what is left."""
        for number in range(self.count):
            self._forget(number)


# Hundreds of small files: polars' own writer and reader of them take two to three times as long.


def _write(frame: pl.DataFrame, path: str) -> None:
    table = frame.to_arrow(compat_level=pl.CompatLevel.newest())
    with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _read(path: str) -> pl.DataFrame:
    with pa.ipc.open_file(pa.BufferReader(Path(path).read_bytes())) as file:
        return pl.DataFrame(file.read_all())
