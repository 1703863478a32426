"""CSV → columns: an exact scan that names every bad line, then polars over what is good.

Strict as RFC 4180: a quote stands around a whole field or is doubled within one. A line with too few fields
is bad, too: readers that fill it up with nulls make missing values of a damaged file.
"""

import re
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.logs.sift import Sieve, lines_of
from mlops_cli.logs.stream import Block, blocks, is_compressed
from mlops_cli.logs.times import ZONED, time_of
from mlops_cli.result.report import BadLine

DELIMITERS = (",", "\t", ";", "|")
AHEAD = 1_000  # lines that a quoted field may go on for
CANDIDATES, FIRST = 10_000, 200  # of so many rows the first known values propose a type; all decide
NULLS = ("NA", "N/A", "null", "NULL", "None", "<NA>", "#N/A", "-")  # only where the rest are numbers or times
_NUMBER = re.compile(r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$")


@dataclass(frozen=True)
class Dialect:
    """How fields are cut, and the columns' names; `header` says whether a line of the file holds them."""

    delimiter: str
    names: tuple[str, ...]
    header: bool


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
    header = not any(_NUMBER.match(one) for one in first) and len(first) == len(set(first))
    names = first if header else [f"column_{i}" for i in range(1, len(first) + 1)]
    return Dialect(delimiter, tuple(name or f"column_{i}" for i, name in enumerate(names, 1)), header)


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

    def __init__(self, path: str, shown: str, scratch: str, dialect: Dialect) -> None:
        self.dialect = dialect
        self.sieve = Sieve(path, shown, f"{scratch}.good")
        self.continued = 0  # lines within quoted fields
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
        self.sieve.rows += len(ends)
        self.sieve.keep(block.data)
        return True

    @staticmethod
    def _blank(data: NDArray[np.uint8], ends: NDArray[np.int64], sizes: NDArray[np.int64]) -> bool:
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
        return ""


def _in_order(data: NDArray[np.uint8], quotes: NDArray[np.int64], delimiter: int) -> bool:
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


def typed(path: str, dialect: Dialect) -> pl.LazyFrame:
    """The records with typed columns: a type that every value of the column has, else text."""
    raw = pl.scan_csv(
        path,
        separator=dialect.delimiter,
        has_header=dialect.header,
        schema=dict.fromkeys(dialect.names, pl.String()),
        glob=False,
    )
    names = dialect.names
    guess = {
        n: _guess(values)
        for n, values in zip(names, raw.head(CANDIDATES).collect().iter_columns(), strict=True)
    }
    unsure = [n for n in names if guess[n] != "text"]
    if unsure:
        wrong = raw.select(_fails(pl.col(n), guess[n]).sum().alias(n) for n in unsure).collect(
            engine="streaming"
        )
        failed = [n for n in unsure if wrong[n].item()]
        guess |= {n: "float" if guess[n] == "int" else "text" for n in failed}
        again = [n for n in failed if guess[n] == "float"]
        if again:
            wrong = raw.select(_fails(pl.col(n), "float").sum().alias(n) for n in again).collect(
                engine="streaming"
            )
            guess |= {n: "text" for n in again if wrong[n].item()}
    return raw.select(_as(pl.col(n), guess[n]).alias(n) for n in names)


_LOOKS = {
    "bool": re.compile(r"true|false", re.IGNORECASE),
    "int": re.compile(r"[+-]?(0|[1-9]\d{0,17})"),
    "float": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?|nan", re.IGNORECASE),
    "zoned": re.compile(rf"\d{{4}}[-/].*\d.*{ZONED.removesuffix('$')}"),
    "naive": re.compile(r"\d{4}[-/]\d\d[-/]\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?"),
}


def _guess(values: pl.Series) -> str:
    """The type that the first known values look like; words for null alone are texts."""
    texts = [value.strip() for value in values.drop_nulls().head(FIRST)]
    known = [text for text in texts if text and text not in NULLS]
    looks = (kind for kind, look in _LOOKS.items() if known and all(look.fullmatch(text) for text in known))
    return next(looks, "text")


def _known(value: pl.Expr) -> pl.Expr:
    text = value.str.strip_chars()
    return pl.when(~text.is_in(NULLS) & (text != "")).then(text)


def _as(value: pl.Expr, kind: str) -> pl.Expr:
    text = _known(value)
    if kind == "bool":
        word = text.str.to_lowercase()
        return (
            pl.when(word == "true").then(pl.lit(value=True)).when(word == "false").then(pl.lit(value=False))
        )
    if kind == "int":
        return text.cast(pl.Int64(), strict=False)
    if kind == "float":
        return text.cast(pl.Float64(), strict=False)
    if kind == "zoned":
        return time_of(text, pl.String(), "UTC")
    if kind == "naive":
        return time_of(text, pl.String(), "UTC").dt.replace_time_zone(None)
    return value


def _fails(value: pl.Expr, kind: str) -> pl.Expr:
    """Rows whose value is known but is not of the kind."""
    text = _known(value)
    wrong = text.is_not_null() & _as(value, kind).is_null()
    if kind in {"int", "float"}:  # 007 is a code
        return wrong | text.str.contains(r"^[+-]?0\d").fill_null(value=False)
    if kind in {"zoned", "naive"}:
        zoned = text.str.contains(ZONED).fill_null(value=kind == "zoned")
        clock = text.str.contains(r"^\d{4}[-/]").fill_null(value=True)
        return wrong | (zoned != pl.lit(value=kind == "zoned")) & text.is_not_null() | ~clock
    return wrong
