"""Pieces: a Parquet file as it lies → its columns, so many rows at a time.

Numbers, lengths of texts and hashes of ids are decoded by polars in one query a piece, categories by pyarrow
as dictionaries: twice as cheap as either alone (`spec/performance.md`, 5).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mlops_cli.errors import DataError
from mlops_cli.logs.format import Part
from mlops_cli.profile.columns import Columns
from mlops_cli.profile.plan import as_text

ROWS = 500_000  # of a piece at least: what is done once a piece then costs little a row
VALUES = 3_000_000  # decoded at once at most (24 MB); of more rows some columns after the others


@dataclass(frozen=True)
class Piece:
    """Row groups [first, last) of a file: where their rows begin in it and how many they are."""

    first: int
    last: int
    start: int
    rows: int


@dataclass(frozen=True)
class Codes:
    """A text column: `index` (n,) into `names`, `len(names)` where it is null; as small as Arrow has it."""

    index: NDArray[np.integer[Any]]
    names: pl.Series


class Reader:
    """An open file.

    Raises
    ------
    DataError
        Here and while reading, where the file is gone or damaged.

    """

    def __init__(self, part: Part, columns: Columns) -> None:
        self.part, self.columns, self.path = part, columns, part.path
        texts = sorted(set(columns.dictionaries.values()))
        with self._told():
            self.file = pq.ParquetFile(self.path, read_dictionary=texts)
        self.metadata = self.file.metadata

    def pieces(self, row_groups: tuple[int, int] | None = None) -> Iterator[Piece]:
        """Row groups joined to pieces of ROWS rows or more; those of a range lie alike in the whole."""
        for piece in bounds(
            [self.metadata.row_group(g).num_rows for g in range(self.metadata.num_row_groups)]
        ):
            if piece.rows and (row_groups is None or row_groups[0] <= piece.first < row_groups[1]):
                yield piece

    def read(self, piece: Piece, labels: Sequence[str]) -> dict[str, Any]:
        """Columns by label: a Series of what was queried, Codes of texts."""
        with self._told():
            return {**self._queried(piece, labels), **self._dictionaries(piece, labels)}

    def _queried(self, piece: Piece, labels: Sequence[str]) -> dict[str, Any]:
        asked = self.columns.queried
        chosen = [asked[label].alias(label) for label in labels if label in asked]
        if not chosen:
            return {}
        rows = pl.scan_parquet(self.path, glob=False)
        if piece.rows != self.metadata.num_rows:
            rows = rows.slice(piece.start, piece.rows)
        frame = rows.select(chosen).collect(engine="in-memory")  # a fifth cheaper than streaming
        if frame.height != piece.rows:  # nothing but literals
            frame = frame[[0] * piece.rows]
        return {name: frame[name] for name in frame.columns}

    def _dictionaries(self, piece: Piece, labels: Sequence[str]) -> dict[str, Any]:
        wanted = {
            label: self.columns.dictionaries[label] for label in labels if label in self.columns.dictionaries
        }
        if not wanted:
            return {}
        groups = list(range(piece.first, piece.last))
        names = sorted(set(wanted.values()))
        table = self.file.read_row_groups(groups, columns=names, use_threads=False)
        codes = {name: encoded(table.column(name)) for name in names}
        return {label: codes[name] for label, name in wanted.items()}

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the readers raise, as an error that names the file."""
        try:
            yield
        except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
            first = (str(error).splitlines() or [""])[0]
            raise DataError(
                f"the file cannot be read: {first}", self.part.source.shown, "write it again, or leave it out"
            ) from None


def bounds(row_groups: Sequence[int]) -> list[Piece]:
    """The pieces of a file with so many rows in its row groups.

    Examples
    --------
    >>> [(p.first, p.last, p.rows) for p in bounds([400_000, 400_000, 100_000])]
    [(0, 2, 800000), (2, 3, 100000)]

    """
    out: list[Piece] = []
    first = start = rows = 0
    for g, more in enumerate(row_groups):
        rows += more
        if rows >= ROWS or g + 1 == len(row_groups):
            out.append(Piece(first, g + 1, start, rows))
            first, start, rows = g + 1, start + rows, 0
    return out


def encoded(column: pa.ChunkedArray) -> Codes:
    """A column of any type as codes; row groups bring dictionaries of their own."""
    if not pa.types.is_dictionary(column.type):
        if pa.types.is_string_view(column.type):
            column = column.cast(pa.large_string())
        column = pc.dictionary_encode(column)
    array = column.unify_dictionaries().combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
    names, index = pl.Series("", array.dictionary), array.indices
    if index.null_count:
        index = index.fill_null(len(names))
    codes = index.to_numpy(zero_copy_only=False)
    return Codes(codes, names) if names.dtype == pl.String else _named(codes, names)


def codes_of(values: pl.Series) -> Codes:
    """A queried column as codes."""
    if values.dtype == pl.Null:
        return Codes(np.zeros(len(values), np.int64), pl.Series("", [], pl.String()))
    return encoded(pa.chunked_array([values.rechunk().to_arrow()]))


def _named(index: NDArray[np.integer[Any]], values: pl.Series) -> Codes:
    """Codes whose names are texts, each once: 0.0 and -0.0 are one. NaN is null."""
    names = as_text(values.fill_nan(None) if values.dtype.is_float() else values)
    once = names.drop_nulls().unique(maintain_order=True)
    if len(once) == len(names):
        return Codes(index, names)
    at = {None: len(once), **dict(zip(once, range(len(once)), strict=True))}
    return Codes(np.array([*(at[n] for n in names), len(once)], np.int64)[index], once)
