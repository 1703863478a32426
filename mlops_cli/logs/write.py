"""Frames → one Parquet file, a row group at a time."""

from collections.abc import Iterable
from typing import Any

import polars as pl
import pyarrow.parquet as pq

ROW_GROUP = 250_000
BYTES = 128 << 20  # of frames held at most, about


class Writer:
    """A Parquet file that grows. All frames have equal columns."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.rows = 0
        self._pending: list[pl.DataFrame] = []
        self._size: float = 0
        self._writer: Any = None

    def add(self, frame: pl.DataFrame) -> None:
        """Further rows; written when a row group is full."""
        self.rows += frame.height
        self._size += frame.estimated_size()
        self._pending.append(frame)
        if sum(f.height for f in self._pending) >= ROW_GROUP or self._size > BYTES:
            self.flush()

    def finish(self, schema: pl.Schema | None = None) -> int:
        """The rows written; without any frame `schema` gives the columns of the empty file."""
        if self._writer is None and not self._pending:
            self._pending = [pl.DataFrame(schema=schema)]
        if self._pending:
            self.flush()
        return self.rows

    def close(self) -> None:
        """Let go of the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def flush(self) -> None:
        """Write what is held."""
        if not self._pending:
            return
        table = pl.concat(self._pending).to_arrow(compat_level=pl.CompatLevel.oldest())
        self._pending, self._size = [], 0
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self.target, table.schema, compression="zstd", compression_level=1
            )
        self._writer.write_table(table, row_group_size=ROW_GROUP)


def write(frames: Iterable[pl.DataFrame], target: str, schema: pl.Schema | None = None) -> int:
    """Rows written. All frames have equal columns; with none, `schema` gives those of the empty file."""
    writer = Writer(target)
    try:
        for frame in frames:
            writer.add(frame)
        return writer.finish(schema)
    finally:
        writer.close()
