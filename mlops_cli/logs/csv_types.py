"""Types of CSV columns: each column has the type that all of its values have, else it is text.

The first values propose a type. Numbers are then parsed by the CSV reader itself, which stops at the first
value that is none; that column is looked at more closely and the file is read again.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import polars as pl

T = TypeVar("T")

CANDIDATES, FIRST = 10_000, 200  # of so many rows the first known values propose a type; all decide
NULLS = ("NA", "N/A", "null", "NULL", "None", "<NA>", "#N/A", "-")  # only where the rest are numbers or times
TIMES = {
    "zoned": "%+",
    "naive": "%Y-%m-%dT%H:%M:%S%.f",
    "naive, a space": "%Y-%m-%d %H:%M:%S%.f",
    "naive, a date": "%Y-%m-%d",
}
NATIVE: dict[str, pl.DataType] = {"int": pl.Int64(), "float": pl.Float64()}
LONG = r"^\s*[+-]?\d{17}"
_CLOCK = r"\d\d:\d\d:\d\d(\.\d+)?"
_LOOKS = {
    "bool": re.compile(r"true|false", re.IGNORECASE),
    "int": re.compile(r"[+-]?(0|[1-9]\d{0,17})"),
    # Whole numbers of more digits than a float has are ids.
    "float": re.compile(
        r"(?![+-]?\d{17})[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?|nan", re.IGNORECASE
    ),
    "zoned": re.compile(rf"\d{{4}}-\d\d-\d\d[T ]{_CLOCK}([Zz]|[+-]\d\d:?\d\d)"),
    "naive": re.compile(rf"\d{{4}}-\d\d-\d\dT{_CLOCK}"),
    "naive, a space": re.compile(rf"\d{{4}}-\d\d-\d\d {_CLOCK}"),
    "naive, a date": re.compile(r"\d{4}-\d\d-\d\d"),
}
# After which type the next is tried.
_NEXT = {"int": "float"}
_FAILED = re.compile(r"could not parse `.*` as dtype `\w+` at column '(.*)' \(column number \d+\)", re.DOTALL)


def typed(
    scan: Callable[[dict[str, pl.DataType]], pl.LazyFrame],
    names: Sequence[str],
    codes: Iterable[str],
    run: Callable[[pl.LazyFrame], T],
) -> T:
    """What `run` makes of the file with its columns typed.

    Parameters
    ----------
    scan : columns as the reader is to parse them → the file
    names : of the columns
    codes : columns with numbers like 007, which stay texts
    run : collects or writes; called again where a type was wrong

    """
    texts: dict[str, pl.DataType] = dict.fromkeys(names, pl.String())
    raw = scan(texts)
    first = raw.head(CANDIDATES).collect()
    kinds = {n: _guess(values) for n, values in zip(names, first.iter_columns(), strict=True)}
    kinds |= {n: "text" for n in codes if kinds[n] in NATIVE}
    null_words = {n for n in names if kinds[n] in NATIVE and first[n].str.strip_chars().is_in(NULLS).any()}
    soft = null_words | {n for n in names if kinds[n] not in (*NATIVE, "text")}
    while True:
        _check(raw, kinds, soft)
        schema = texts | {n: NATIVE[kinds[n]] for n in names if n not in soft and kinds[n] in NATIVE}
        columns = [(_as(pl.col(n), kinds[n]) if n in soft else pl.col(n)).alias(n) for n in names]
        try:
            return run(scan(schema).select(columns))
        except pl.exceptions.ComputeError as error:
            failed = _FAILED.search(str(error))
            if failed is None or failed[1] not in kinds or failed[1] in soft:
                raise
            soft.add(failed[1])


def _check(raw: pl.LazyFrame, kinds: dict[str, str], soft: set[str]) -> None:
    """Change the kinds of the soft columns until all of their values are of it."""
    left = [n for n in kinds if n in soft and kinds[n] != "text"]
    while left:
        wrong = raw.select(_fails(pl.col(n), kinds[n]).any().alias(n) for n in left).collect(
            engine="streaming"
        )
        left = [n for n in left if wrong[n].item()]
        kinds |= {n: _NEXT.get(kinds[n], "text") for n in left}
        left = [n for n in left if kinds[n] != "text"]


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
    if kind == "text":
        return value
    text = _known(value)
    if kind == "bool":
        word = text.str.to_lowercase()
        return (
            pl.when(word == "true").then(pl.lit(value=True)).when(word == "false").then(pl.lit(value=False))
        )
    if kind in NATIVE:
        return text.cast(NATIVE[kind], strict=False)
    return text.str.to_datetime(TIMES[kind], time_unit="us", strict=False)


def _fails(value: pl.Expr, kind: str) -> pl.Expr:
    """Rows whose value is known but is not of the kind."""
    wrong = _known(value).is_not_null() & _as(value, kind).is_null()
    return wrong | value.str.contains(LONG).fill_null(value=False) if kind == "float" else wrong
