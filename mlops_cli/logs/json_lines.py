"""JSON lines → columns: one exact scan that names every bad line, then a bulk reader over what is good."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pyarrow.parquet as pq

from mlops_cli.logs.json_records import in_lines
from mlops_cli.logs.shape import DTYPES, Shape
from mlops_cli.logs.sift import Sieve, lines_of
from mlops_cli.logs.stream import KEPT, NEWLINE, Block, blocks, head
from mlops_cli.result.report import BadLine

SMALL = 4 << 20  # bytes below which DuckDB's import costs more than it saves
ROW_GROUP = 250_000
FLAT = "."


class Sifted:
    """A file that was scanned: the shape of its records, and its lines counted."""

    def __init__(self, path: str, shown: str, scratch: str, named: int = KEPT) -> None:
        self.shape = Shape()
        self.decoder = self.shape.decoder()
        self.size = 0
        self._news = False  # the shape knows more than the decoder
        self._records = ""
        early: tuple[BadLine, ...] = ()
        if in_records := in_lines(path, shown, f"{scratch}.lines", head(path, shown), named):
            self._records, early = f"{scratch}.lines", in_records.bad
            path = self._records
        self.sieve = Sieve(path, shown, f"{scratch}.good", named=named)
        for block in blocks(path, shown):
            self._take(block)
        self.sieve.close()
        if in_records:
            self.sieve.bad = [*early, *self.sieve.bad]
            self.sieve.quarantined += in_records.quarantined

    def _take(self, block: Block | BadLine) -> None:
        if isinstance(block, BadLine):
            self.sieve.refuse(block)
            return
        self.size += len(block.data)
        if not self.sieve.rows:
            self._warm(block.data)
        lines = _objects(block.data)
        try:
            good = lines > 0 and len(self.decoder.decode_lines(block.data)) == lines
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            good = False
        if not good:
            self._by_line(block)
            return
        self.sieve.rows += lines
        self.sieve.keep(block.data)

    def _warm(self, data: bytes) -> None:
        """Learn from the first lines at once, rather than key by key."""
        news = False
        for line in data.split(b"\n", 1_000)[:1_000]:
            try:
                record = msgspec.json.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue
            news |= isinstance(record, dict) and self.shape.learn(record)
        if news:
            self.decoder = self.shape.decoder()

    def _by_line(self, block: Block) -> None:
        good = []
        for number, byte, text in lines_of(block.data, block.line, block.byte):
            if not text.strip():
                self.sieve.empty += 1
                good.append(text)
                continue
            why = self._learn(text)
            if why:
                self.sieve.keep(b"".join(good))
                good = []
                self.sieve.refuse(BadLine(self.sieve.shown, number, byte, len(text.rstrip(b"\r\n")), why))
            else:
                self.sieve.rows += 1
                good.append(text)
        if good:
            self.sieve.keep(b"".join(good))
        if self._news:  # once a block: a decoder of a thousand keys takes milliseconds to make
            self.decoder, self._news = self.shape.decoder(), False

    def _learn(self, text: bytes) -> str:
        """Why the line is no record; empty where it is one, which the shape then knows."""
        try:
            self.decoder.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            record, why = parse(text)
            self._news |= record is not None and self.shape.learn(record)
            return why
        return ""

    def remove(self) -> None:
        """Delete what was written beside the log."""
        self.sieve.remove()
        if self._records:
            Path(self._records).unlink(missing_ok=True)

    def leaves(self) -> list[tuple[tuple[str, ...], str, str]]:
        """Path, kind and column name of every leaf; of two with one name the first is read."""
        named: dict[str, tuple[tuple[str, ...], str, str]] = {}
        for path, kind in self.shape.leaves():
            named.setdefault(FLAT.join(path), (path, kind, FLAT.join(path)))
        return list(named.values())

    def schema(self) -> dict[str, pl.DataType]:
        """The columns."""
        return {name: DTYPES[kind] for _, kind, name in self.leaves()}


def _objects(data: bytes) -> int:
    """The number of lines, where each begins with a brace and ends in one; else 0.

    Then no object goes over several lines: within JSON no opening brace follows a closing one.
    """
    if not data.endswith(b"\n"):
        data += b"\n"
    text = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(text == NEWLINE)
    begins = np.concatenate(([0], ends[:-1] + 1))
    last = text[ends - 1]
    closed = (last == ord("}")) | ((last == ord("\r")) & (text[np.maximum(ends - 2, 0)] == ord("}")))
    return len(ends) if closed.all() and (text[begins] == ord("{")).all() else 0


def parse(text: bytes) -> tuple[dict[str, Any] | None, str]:
    """A record, or why the line holds none. NaN and infinities are read, as Python's json writes them."""
    try:
        record = msgspec.json.decode(text)
    except UnicodeDecodeError as error:
        return None, f"not UTF-8: byte {error.object[error.start]:#04x}"
    except msgspec.MsgspecError as error:
        try:
            record = json.loads(text)
            json.dumps(record, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return None, f"no JSON: {_why(str(error))}"
    except RecursionError:
        return None, "no JSON: nested too deeply"
    if not isinstance(record, dict):
        return None, f"JSON, but no object: {_NAMES.get(type(record), 'a value')}"
    return record, ""


_NAMES = {list: "an array", str: "a text", int: "a number", float: "a number", bool: "true or false"}


def _why(text: str) -> str:
    return text.removeprefix("JSON is malformed: ")


def frames(sifted: Sifted, rows: int = ROW_GROUP) -> Iterator[pl.DataFrame]:
    """The good records as frames of at most about `rows`, exact and in order."""
    leaves = sifted.leaves()
    pending: list[pl.DataFrame] = []
    for block in blocks(sifted.sieve.clean, sifted.sieve.shown):
        if isinstance(block, BadLine):
            continue
        pending.append(_frame(_records(sifted.decoder, block.data), sifted.shape, leaves))
        if sum(f.height for f in pending) >= rows:
            yield pl.concat(pending)
            pending = []
    if pending:
        yield pl.concat(pending)


def _records(decoder: msgspec.json.Decoder[Any], data: bytes) -> list[Any]:
    try:
        return decoder.decode_lines(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return [_record(decoder, line) for line in data.split(b"\n") if line.strip()]


def _record(decoder: msgspec.json.Decoder[Any], line: bytes) -> Any:
    try:
        return decoder.decode(line)
    except msgspec.MsgspecError:  # NaN, infinities, numbers beyond float64
        return msgspec.convert(parse(line)[0], decoder.type)


def _frame(
    records: Sequence[Any], shape: Shape, leaves: Sequence[tuple[tuple[str, ...], str, str]]
) -> pl.DataFrame:
    objects: dict[tuple[str, ...], list[Any]] = {(): list(records)}
    fields: dict[tuple[str, ...], Mapping[str, str]] = {}
    columns = []
    for path, kind, name in leaves:
        for depth in range(len(path)):
            above, here = path[:depth], path[: depth + 1]
            if here in objects:
                continue
            if above not in fields:
                fields[above] = {key: f"f{i}" for i, key in enumerate(_inner(shape, above).keys)}
            get = attrgetter(fields[above][path[depth]])
            objects[here] = [None if one is None else get(one) for one in objects[above]]
        values = objects[path]
        columns.append(pl.Series(name, _values(values, kind), dtype=DTYPES[kind], strict=False))
    return pl.DataFrame(columns) if columns else pl.DataFrame({"": [None] * len(records)}).drop("")


def _inner(shape: Shape, path: tuple[str, ...]) -> Shape:
    for key in path:
        inner = shape.keys[key]
        if not isinstance(inner, Shape):
            raise TypeError(f"{path} is no object")
        shape = inner
    return shape


def _values(values: list[Any], kind: str) -> list[Any]:
    if kind in {"big", "mixed", "json"}:
        return [v if v is None or isinstance(v, str) else _json(v) for v in values]
    return values


def _json(value: Any) -> str:
    """JSON text; numbers of any size, NaN too."""
    try:
        text = msgspec.json.encode(value).decode()
    except (msgspec.MsgspecError, OverflowError):
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text if text != "null" else json.dumps(value)


def bulk(sifted: Sifted, target: str) -> bool:
    """Write the records as Parquet by DuckDB; whether that worked, to the last row.

    It is strict: the shape is exact, so a value that does not fit, or a row too few, means that DuckDB
    reads JSON otherwise than msgspec, and the slow way (`frames`) is taken.
    """
    leaves = sifted.leaves()
    lowered = {name.lower() for _, _, name in leaves}
    if sifted.size < SMALL or len(lowered) < len(leaves) or not leaves:
        return False
    import duckdb  # noqa: PLC0415 - 0.2 s, needed for large JSON logs only

    columns = ", ".join(f"{_ident(k)}: {_quoted(_sql_type(kind))}" for k, kind in sifted.shape.keys.items())
    # A dot selects within a struct; every step is quoted.
    wanted = ", ".join(f"{'.'.join(map(_ident, path))} AS {_ident(name)}" for path, _, name in leaves)
    source = (
        f"read_json({_quoted(sifted.sieve.clean)}, format='newline_delimited', records='true', "
        f"columns={{{columns}}})"
    )
    try:
        with duckdb.connect(config={"threads": min(4, os.cpu_count() or 1)}) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"SET temp_directory = {_quoted(str(Path(target).parent))}")
            connection.execute(
                f"COPY (SELECT {wanted} FROM {source}) TO {_quoted(target)} "  # noqa: S608 - names are quoted
                f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {ROW_GROUP})"
            )
        return int(pq.read_metadata(target).num_rows) == sifted.sieve.rows
    except duckdb.Error:
        return False


_SQL = {"bool": "BOOLEAN", "int": "BIGINT", "float": "DOUBLE", "zoned": "TIMESTAMPTZ", "naive": "TIMESTAMP"}


def _sql_type(kind: "str | Shape") -> str:
    if isinstance(kind, Shape):
        return "STRUCT(" + ", ".join(f"{_ident(k)} {_sql_type(v)}" for k, v in kind.keys.items()) + ")"
    return _SQL.get(kind, "VARCHAR")


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
