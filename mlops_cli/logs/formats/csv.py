"""CSV with or without a header; comma, tab, semicolon or bar."""

import re
from collections.abc import Iterator

import polars as pl

from mlops_cli.logs.canon import KINDS
from mlops_cli.logs.csv_lines import Checked, Dialect, cut, dialect_of, twice_named
from mlops_cli.logs.csv_lines import read as read_columns
from mlops_cli.logs.format import Batch, Converted, Format, LogFile
from mlops_cli.logs.scratch import fresh
from mlops_cli.logs.stream import head
from mlops_cli.logs.write import ROW_GROUP

SURE = 0.5
_NAME = re.compile(r"^[\w .:/%()@\[\]-]{1,64}$")
_STRICT = re.compile(r"^[^\W\d][\w.:/@-]{0,63}$")  # without a telling file name


def detect(start: bytes, path: str) -> float:
    """Sure where the first lines have equally many fields and the first of them names columns."""
    if start.lstrip().startswith((b"{", b"[", b"<", b"#", b"PAR1")) or b"\0" in start:
        return 0.0
    dialect = dialect_of(start)
    if dialect is None or twice_named(start):
        return 0.0
    text = start.decode("utf-8", "replace").splitlines()
    if len([line for line in text if line.strip()]) < 2 and not path.endswith(
        (".csv", ".csv.gz", ".csv.zst")
    ):
        return 0.0
    named = all(_NAME.match(name) for name in dialect.names)
    even = _even(text, dialect)
    known = any(
        path.endswith(f".{kind}{zipped}") for kind in ("csv", "tsv") for zipped in ("", ".gz", ".zst")
    )
    if known:
        return SURE if named or even > 0.8 else 0.0
    strict = dialect.header and all(_STRICT.match(name) for name in dialect.names)
    return SURE / 2 if strict and even == 1.0 else 0.0


def _even(lines: list[str], dialect: Dialect) -> float:
    whole = [line for line in lines[:40] if line.strip()]
    whole = whole[:-1] if len(whole) > 1 else whole
    same = [len(cut(line, dialect.delimiter) or ()) == len(dialect.names) for line in whole]
    return sum(same) / len(same)


def read(file: LogFile) -> Iterator[Batch]:
    """All records in order."""
    checked, said = _check(file, fresh("csv"))
    if checked is None:
        return
    try:
        frame = read_columns(checked, lambda rows: rows.collect(engine="streaming"))
        yield Batch(frame, said.bad, "", said.quarantined, said.notes)
    finally:
        checked.sieve.remove()


def convert(file: LogFile, target: str) -> Converted:
    """As a stream, in bounded memory."""
    checked, said = _check(file, target)
    if checked is None:
        pl.DataFrame().write_parquet(target)
        return said
    try:
        read_columns(
            checked,
            lambda rows: rows.sink_parquet(
                target, compression="zstd", compression_level=1, row_group_size=ROW_GROUP
            ),
        )
    finally:
        checked.sieve.remove()
    return said


def _check(file: LogFile, scratch: str) -> tuple[Checked | None, Converted]:
    dialect = dialect_of(head(file.path, file.shown))
    if dialect is None:
        return None, Converted(0)
    checked = Checked(file.path, file.shown, scratch, dialect, file.named)
    notes = [] if dialect.header else ["no header: the columns are column_1, column_2 …"]
    if dialect.nameless:
        notes.append(f"the header has no name for: {', '.join(dialect.nameless)}")
    sieve = checked.sieve
    return checked, Converted(sieve.rows, tuple(sieve.bad), sieve.quarantined, tuple(notes))


FORMAT = Format(detect=detect, kinds=tuple(KINDS), unavailable={}, read=read, convert=convert)
