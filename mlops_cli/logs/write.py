"""Frames → one Parquet file, a row group at a time."""

from collections.abc import Iterable
from typing import Any

import polars as pl
import pyarrow.parquet as pq

ROW_GROUP = 250_000
BYTES = 128 << 20  # of frames held at most, about


def write(frames: Iterable[pl.DataFrame], target: str, schema: pl.Schema | None = None) -> int:
    """Rows written. All frames have equal columns; with none, `schema` gives those of the empty file."""
    writer: Any = None
    rows, pending = 0, []
    try:
        for frame in frames:
            rows += frame.height
            pending.append(frame)
            if (
                sum(f.height for f in pending) >= ROW_GROUP
                or sum(f.estimated_size() for f in pending) > BYTES
            ):
                writer = _append(writer, pending, target)
                pending = []
        if writer is None and not pending:
            pending = [pl.DataFrame(schema=schema)]
        if pending:
            writer = _append(writer, pending, target)
    finally:
        if writer is not None:
            writer.close()
    return rows


def _append(writer: Any, frames: list[pl.DataFrame], target: str) -> Any:
    table = pl.concat(frames).to_arrow(compat_level=pl.CompatLevel.oldest())
    if writer is None:
        writer = pq.ParquetWriter(target, table.schema, compression="zstd", compression_level=1)
    writer.write_table(table, row_group_size=ROW_GROUP)
    return writer
