"""Rows of a log whose columns and types are known only at its end: held, then given out alike."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from mlops_cli.logs.format import Batch, LogFile
from mlops_cli.logs.scratch import fresh
from mlops_cli.result.report import BadLine

HELD = 64 << 20  # bytes of frames in memory; beyond, they lie in files
_NUMBERS: tuple[pl.DataType, ...] = (pl.Boolean(), pl.Int64(), pl.Float64())


def value(text: str) -> Any:
    """A number where the text is one as a program writes it (not 007), an empty text is missing."""
    stripped = text.strip()
    if not stripped:
        return None
    digits = stripped.lstrip("+-")
    if digits[:1] == "0" and digits[1:2].isdigit():
        return text
    for kind in (int, float):
        try:
            return kind(stripped) if digits[:1].isdigit() or digits[:1] == "." else text
        except ValueError:
            continue
    return text


def joined(one: pl.DataType, other: pl.DataType) -> pl.DataType:
    """The type that holds both; in any order the same."""
    if one == other or other == pl.Null():
        return one
    if one == pl.Null():
        return other
    if one in _NUMBERS and other in _NUMBERS:
        return max(one, other, key=_NUMBERS.index)
    return pl.String()


def cast(column: pl.Expr, dtype: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """A column in a type that holds its own; whole numbers are written without a point."""
    if dtype == wanted:
        return column
    if wanted == pl.String() and dtype.is_float():
        whole = column.cast(pl.Int64(), strict=False)
        return (
            pl.when(whole.cast(pl.Float64()) == column)
            .then(whole.cast(pl.String()))
            .otherwise(column.cast(pl.String()))
        )
    return column.cast(wanted, strict=False)


def column(name: str, values: Sequence[Any]) -> pl.Series:
    """A column of Python values, of the type that holds them all."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {bool, int, float} and kinds:
        dtype = _NUMBERS[max((bool, int, float).index(kind) for kind in kinds)]
        if dtype != pl.Int64() or all(v is None or -(2**63) <= v < 2**63 for v in values):
            return pl.Series(name, values, dtype=dtype, strict=False)
    plain = kinds <= {str}
    texts = values if plain else [v if v is None or isinstance(v, str) else _text(v) for v in values]
    return pl.Series(name, texts, dtype=pl.String() if kinds else pl.Null())


def _text(found: Any) -> str:
    if isinstance(found, float) and found.is_integer() and abs(found) < 2**63:
        return str(int(found))
    return msgspec.json.encode(found).decode()


@dataclass
class Spool:
    """Frames of one kind of log. `fixed` are types of columns; one that is null throughout is left out."""

    fixed: Mapping[str, pl.DataType] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)  # columns that have a value
    types: dict[str, pl.DataType] = field(default_factory=dict)
    _held: list[pl.DataFrame] = field(default_factory=list)
    _files: list[str] = field(default_factory=list)

    def add(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Further rows, a mapping each; a key that one does not have is missing in it."""
        if not records:
            return
        names = dict.fromkeys(records[0])
        for record in records:
            if record.keys() - names.keys():
                names |= dict.fromkeys(record)
        self.frame(pl.DataFrame([column(n, [r.get(n) for r in records]) for n in names]))

    def frame(self, frame: pl.DataFrame) -> None:
        """Further rows."""
        if not frame.height:
            return
        for name, dtype in frame.schema.items():
            self.types[name] = joined(self.types.get(name, pl.Null()), dtype)
            if name not in self.seen and frame[name].null_count() < frame.height:
                self.seen.add(name)
        self._held.append(frame)
        if sum(f.estimated_size() for f in self._held) > HELD:
            self._files.append(fresh("spool"))
            pl.concat([self._alike(f) for f in self._held]).write_ipc(self._files[-1])
            self._held = []

    def schema(self) -> pl.Schema:
        """Columns and their types, as far as rows have come."""
        return pl.Schema({n: self.fixed.get(n, t) for n, t in self.types.items() if n in self.seen})

    def frames(self) -> Iterator[pl.DataFrame]:
        """All rows in order, in equal columns; the rows are gone then."""
        for path in self._files:
            data = Path(path).read_bytes()
            Path(path).unlink()
            yield self._alike(pl.read_ipc(data))
        for frame in self._held:
            yield self._alike(frame)
        self._held, self._files = [], []

    def _alike(self, frame: pl.DataFrame) -> pl.DataFrame:
        have = frame.schema
        return frame.select(
            (cast(pl.col(name), have[name], dtype) if name in have else pl.lit(None, dtype=dtype)).alias(name)
            for name, dtype in self.schema().items()
        )


@dataclass
class Tally:
    """Lines of a file that are no rows."""

    bad: list[BadLine] = field(default_factory=list)
    quarantined: int = 0
    other: int = 0
    notes: dict[str, None] = field(default_factory=dict)

    def refuse(self, file: LogFile, *lines: BadLine) -> None:
        """Lines that could not be read."""
        self.quarantined += len(lines)
        self.bad += lines[: max(0, file.named - len(self.bad))]


def batches(file: LogFile, spools: Mapping[str, Spool], tally: Tally) -> Iterator[Batch]:
    """All that was read: the rows of each kind, and with the first batch what could not be read."""
    own = spools.get(file.kind, Spool())
    said = tuple(sorted(tally.bad, key=lambda b: b.byte)), tally.quarantined
    yield Batch(
        pl.DataFrame(schema=own.schema()), said[0], file.kind, said[1], tuple(tally.notes), tally.other
    )
    for kind, spool in spools.items():
        for frame in spool.frames():
            yield Batch(frame, kind=kind)
