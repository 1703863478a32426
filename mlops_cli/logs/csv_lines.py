"""CSV → columns: an exact scan that names every bad line, then polars over what is good.

Strict as RFC 4180: a quote stands around a whole field or is doubled within one. A line with too few fields
is bad, too: readers that fill it up with nulls make missing values of a damaged file.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.logs.csv_types import typed
from mlops_cli.logs.names import NAMES
from mlops_cli.logs.roles import normal
from mlops_cli.logs.sift import Sieve, lines_of
from mlops_cli.logs.stream import KEPT, Block, blocks, is_compressed
from mlops_cli.result.report import BadLine

T = TypeVar("T")
Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]

DELIMITERS = (",", "\t", ";", "|")
AHEAD = 1_000  # lines that a quoted field may go on for
_NAMES = {name for names in NAMES.values() for name in names}
_CODE = re.compile(r"0\d")
_NUMBER = re.compile(r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$")


@dataclass(frozen=True)
class Dialect:
    """How fields are cut, and the columns' names; `header` says whether a line of the file holds them.

    `nameless` are those that the header has no name for.
    """

    delimiter: str
    names: tuple[str, ...]
    header: bool
    nameless: tuple[str, ...] = ()


def dialect_of(start: bytes) -> Dialect | None:
    """From the first lines: the delimiter that cuts most of them into as many fields as the first one."""
    text = start.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    lines = [line for line in text.splitlines()[:40] if line.strip()]
    lines = lines[:-1] if len(lines) > 1 and not text.endswith("\n") else lines  # the last may be cut
    if not lines:
        return None
    best: tuple[float, int, str] = (0.0, 0, "")
    for delimiter in DELIMITERS:
        counts = [len(fields) if (fields := cut(line, delimiter)) else 0 for line in lines]
        if counts[0] > 1:
            best = max(best, (counts.count(counts[0]) / len(counts), counts[0], delimiter))
    delimiter = best[2]
    if not delimiter:
        return None
    first = [one.strip() for one in cut(lines[0], delimiter) or []]
    header = not any(_NUMBER.match(one) for one in first) and (
        len(first) == len(set(first)) or (_known(first) and not _twice(first))
    )
    names = first if header else [f"column_{i}" for i in range(1, len(first) + 1)]
    # Without a name: the row numbers of a table that pandas wrote.
    named = [
        name or (f"__index_level_{i}__" if i == 0 else f"column_{i + 1}") for i, name in enumerate(names)
    ]
    nameless = [new for i, (name, new) in enumerate(zip(names, named, strict=True)) if i and not name]
    return Dialect(delimiter, tuple(named), header, tuple(nameless))


def twice_named(start: bytes) -> str:
    """The column that a header names twice; empty where there is none, or no header."""
    text = start.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").lstrip().split("\n", 1)[0]
    for delimiter in DELIMITERS:
        names = [one.strip() for one in cut(text, delimiter) or []]
        if len(names) > 1 and _known(names) and not any(_NUMBER.match(one) for one in names):
            return _twice(names)
    return ""


def _twice(names: Sequence[str]) -> str:
    some = [name for name in names if name]
    return next((name for name in some if some.count(name) > 1), "")


def _known(names: Sequence[str]) -> bool:
    """Whether one of them is the name of a column that logs have: then they are names, not values."""
    return any(normal(name) in _NAMES for name in names)


def cut(record: str, delimiter: str) -> list[str] | None:
    """The fields of one record; None where its quotes are wrong."""
    field, record = _FIELD[delimiter], record.removesuffix("\n").removesuffix("\r")
    out, at = [], 0
    while found := field.match(record, at):
        quoted, plain, end = found.groups()
        out.append(quoted[1:-1].replace('""', '"') if quoted else plain or "")
        if not end:
            return out
        at = found.end()
    return None


_FIELD = {
    d: re.compile(rf'(?:("(?:[^"]|"")*")|([^"\n{re.escape(d)}]*))({re.escape(d)}|\Z)') for d in DELIMITERS
}


class Checked:
    """A CSV file that was scanned: its lines counted, its good records in `sieve.clean`."""

    def __init__(self, path: str, shown: str, scratch: str, dialect: Dialect, named: int = KEPT) -> None:
        self.dialect = dialect
        self.sieve = Sieve(path, shown, f"{scratch}.good", named=named)
        self.continued = 0  # lines within quoted fields
        self.codes: set[int] = set()  # columns with numbers like 007
        self._pending: list[tuple[int, int, bytes]] = []
        self._header = dialect.header
        if is_compressed(path):
            self.sieve.begin(0)  # polars would hold all of it in memory
        for block in blocks(path, shown):
            self._take(block)
        self._flush()
        self.sieve.close()

    def _take(self, block: Block | BadLine) -> None:
        if isinstance(block, BadLine):
            self._flush()
            self.sieve.refuse(block)
            return
        if self._header:
            size = block.data.find(b"\n") + 1 or len(block.data)
            self._carefully(Block(block.data[:size], block.line, block.byte))
            block = Block(block.data[size:], block.line + 1, block.byte + size)
        if block.data and (self._pending or not self._plain(block)):
            self._carefully(block)

    def _carefully(self, block: Block) -> None:
        self._pending += lines_of(block.data, block.line, block.byte)
        self._records(more=True)

    def _plain(self, block: Block) -> bool:
        """Whether the whole block is in order, which arrays can tell."""
        try:
            block.data.decode()
        except UnicodeDecodeError:
            return False
        data = np.frombuffer(block.data, np.uint8)
        ends = np.flatnonzero(data == ord("\n"))
        if not len(ends) or ends[-1] != len(data) - 1:
            return False
        cuts = np.flatnonzero(data == ord(self.dialect.delimiter))
        quotes = np.flatnonzero(data == ord('"'))
        if len(quotes):
            if not _in_order(data, quotes, ord(self.dialect.delimiter)):
                return False
            cuts, outer = (p[np.searchsorted(quotes, p) % 2 == 0] for p in (cuts, ends))
            self.continued += (more := len(ends) - len(outer))
            ends = outer
        else:
            more = 0
        fields = np.diff(np.searchsorted(cuts, ends), prepend=0) + 1
        sizes = np.diff(ends, prepend=-1)
        if (fields != len(self.dialect.names)).any() or (sizes <= 1).any() or self._blank(data, ends, sizes):
            self.continued -= more
            return False
        self.codes |= self._zeros(data, cuts, ends)
        self.sieve.rows += len(ends)
        self.sieve.keep(block.data)
        return True

    def _zeros(self, data: Bytes, cuts: Places, ends: Places) -> set[int]:
        """Columns where a field begins with a zero and another digit."""
        zero = np.flatnonzero(data[:-1] == ord("0"))
        after, before = data[zero + 1], data[zero - 1]
        zero = zero[
            (after >= ord("0"))
            & (after <= ord("9"))
            & ((zero == 0) | (before == ord("\n")) | (before == ord(self.dialect.delimiter)))
        ]
        number = np.searchsorted(cuts, zero) - np.searchsorted(ends, zero) * (len(self.dialect.names) - 1)
        return set(np.unique(number).tolist())

    @staticmethod
    def _blank(data: Bytes, ends: Places, sizes: Places) -> bool:
        return bool((data[ends[sizes == 2] - 1] == ord("\r")).any())

    def _records(self, *, more: bool) -> None:
        """Take whole records off what is pending; with `more` to come, an open one stays."""
        good: list[bytes] = []
        while self._pending:
            line, byte, text = self._pending[0]
            if not text.strip(b"\r\n"):
                self._pending.pop(0)
                self._keep(good)
                self.sieve.empty += 1
                self.sieve.begin(byte)
                continue
            size = _closed(self._pending)
            if size == 0 and more and len(self._pending) <= AHEAD:
                break
            record = b"".join(one for *_, one in self._pending[: max(1, size)])
            why = self._wrong(record, size)
            if why and size > 1:  # not to lose good lines: only the first is bad
                size, record = 1, text
            size = max(1, size)
            del self._pending[:size]
            if why:
                self._keep(good)
                self.sieve.refuse(BadLine(self.sieve.shown, line, byte, len(record.rstrip(b"\r\n")), why))
                continue
            good.append(record)
            self.continued += size - 1
            self.sieve.rows += not self._header
            self._header = False
        self._keep(good)

    def _keep(self, good: list[bytes]) -> None:
        if good:
            self.sieve.keep(b"".join(good))
            good.clear()

    def _flush(self) -> None:
        self._records(more=False)

    def _wrong(self, record: bytes, size: int) -> str:
        """Why the record is bad; empty where it is good."""
        try:
            text = record.decode()
        except UnicodeDecodeError as error:
            return f"not UTF-8: byte {record[error.start]:#04x}"
        if size == 0:
            return "a quote that is never closed"
        fields = cut(text, self.dialect.delimiter)
        if fields is None:
            return "a quote within a field: the whole field must be quoted, and quotes in it doubled"
        if len(fields) != len(self.dialect.names):
            return f"{len(fields)} fields, the header has {len(self.dialect.names)}"
        self.codes |= {i for i, field in enumerate(fields) if _CODE.match(field)}
        return ""


def _in_order(data: Bytes, quotes: Places, delimiter: int) -> bool:
    """Whether every quote opens or closes a field, or is one of a doubled pair."""
    if len(quotes) % 2:
        return False
    before = data[quotes[::2] - 1]
    opening = (quotes[::2] == 0) | np.isin(before, (delimiter, ord("\n"), ord('"')))
    after = data[np.minimum(quotes[1::2] + 1, len(data) - 1)]
    closing = np.isin(after, (delimiter, ord("\n"), ord("\r"), ord('"')))
    return bool(opening.all() and closing.all())


def _closed(lines: list[tuple[int, int, bytes]]) -> int:
    """How many of the lines make the first record; 0 where its quotes stay open."""
    odd = 0
    for size, (*_, text) in enumerate(lines[:AHEAD], 1):
        odd ^= text.count(b'"') & 1
        if not odd:
            return size
    return 0


def read(checked: Checked, run: Callable[[pl.LazyFrame], T]) -> T:
    """What `run` (collect, sink) makes of the good records with typed columns."""
    dialect = checked.dialect

    def scan(schema: dict[str, pl.DataType]) -> pl.LazyFrame:
        return pl.scan_csv(
            checked.sieve.clean,
            separator=dialect.delimiter,
            has_header=False,  # its names may be empty
            skip_rows=int(dialect.header),
            schema=schema,
            glob=False,
        )

    codes = [dialect.names[i] for i in sorted(checked.codes)]
    return typed(scan, dialect.names, codes, run)
