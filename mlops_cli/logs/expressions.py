"""Canonical columns of a Parquet part, as polars expressions over the columns that its file has.

A column map says where a canonical column comes from: a column's name, a path into nested columns
(`model.name`, `outputs[0].score`), or `= SQL` over the file's columns. What comes out has the dtype of
`canon.py`.
"""

import re
from functools import lru_cache
from pathlib import Path

import polars as pl

from mlops_cli.errors import DataError, UsageError
from mlops_cli.logs.canon import FEATURE, KINDS, TIME
from mlops_cli.logs.format import Part
from mlops_cli.logs.times import time_of

EXPRESSION = "="
AS_LOGGED = ("prediction", "label", "decision")  # numbers stay numbers, texts texts
YES = ("true", "t", "yes", "y", "1")
NO = ("false", "f", "no", "n", "0")
# Spans and some writers log a word for a status; failed is 400 or more.
STATUS_WORDS = {"ok": 200, "success": 200, "unset": 200, "error": 500, "failure": 500, "failed": 500}
_SUBSELECT = re.compile(r"\b(select|from)\b", re.IGNORECASE)
_STEP = re.compile(r"[^.\[\]]+|\[\d+\]")
_DECIMAL = r"^(\d{1,31}|\d{33,39})$"


def available(part: Part) -> frozenset[str]:
    """The canonical names (`features.NAME` included) that the part's map has and its file can give."""
    return _available(*_version(part.path), tuple(part.columns.items()))


@lru_cache(maxsize=4_096)
def _available(path: str, size: int, mtime: int, columns: tuple[tuple[str, str], ...]) -> frozenset[str]:
    schema = _schema(path, size, mtime)
    return frozenset(name for name, source in columns if resolve(schema, source) is not None)


def expression(part: Part, name: str) -> pl.Expr:
    """A canonical column of the part, in its canonical dtype; features, outputs and labels as logged.

    Raises
    ------
    UsageError
        Where the map has no such column, or its SQL cannot be read.

    """
    source = part.columns.get(name)
    schema = schema_of(part.path)
    found = resolve(schema, source) if source is not None else None
    if found is None:
        raise UsageError(
            f"{part.source.shown} has no column for '{name}'",
            f"{part.source.shown}, which has: {', '.join(list(schema)[:20])}",
            f"in the columns of its source write {name} = the name of a column, or an expression",
        )
    value, dtype = found
    canonical = KINDS[part.kind].get(name)
    if name.startswith(FEATURE) or name in AS_LOGGED or canonical is None:
        return _plain(value, dtype).alias(name)
    return typed(value, dtype, name, canonical.dtype, part.source.timezone).alias(name)


def typed(value: pl.Expr, dtype: pl.DataType, name: str, wanted: pl.DataType, timezone: str) -> pl.Expr:
    """A value of some dtype in the canonical one; what cannot be read as such is null."""
    if wanted == TIME:
        return time_of(value, dtype, timezone)
    if name == "trace_id":
        return trace_of(value, dtype)
    if wanted == pl.String():
        return _text(value, dtype)
    if wanted == pl.Boolean():
        return _truth(value, dtype)
    return _number(value, dtype, name).cast(wanted, strict=False)


def trace_of(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """32 hex digits: of 16 bytes, of hex with or without dashes, of a decimal number (BentoML)."""
    if dtype == pl.Binary():
        return value.bin.encode("hex")
    text = value.cast(pl.String()).str.replace_all("-", "", literal=True).str.to_lowercase()
    return text.map_batches(_hex, return_dtype=pl.String(), is_elementwise=True)


def _hex(ids: pl.Series) -> pl.Series:
    decimal = ids.str.contains(_DECIMAL).fill_null(value=False)
    if not decimal.any():
        return ids
    known = {text: format(int(text), "032x") for text in ids.filter(decimal).unique()}
    return ids.replace(known)


def resolve(schema: pl.Schema, source: str) -> tuple[pl.Expr, pl.DataType] | None:
    """A column, a path into nested ones, or `= SQL`, with its dtype; None where the file lacks it."""
    if source.lstrip().startswith(EXPRESSION):
        return _sql(schema, source)
    if source in schema:
        return pl.col(source), schema[source]
    steps = _STEP.findall(source)
    if not steps or steps[0] not in schema:
        return None
    value, dtype = pl.col(steps[0]), schema[steps[0]]
    for i, step in enumerate(steps[1:], 1):
        if dtype == pl.String():  # JSON in a text column
            rest = "".join(s if s.startswith("[") else f".{s}" for s in steps[i:])
            return value.str.json_path_match(f"${rest}"), pl.String()
        if isinstance(dtype, pl.Struct):
            inner = {f.name: f.dtype for f in dtype.fields}.get(step)
            value = value.struct.field(step) if inner is not None else value
        elif isinstance(dtype, pl.List | pl.Array) and step.startswith("["):
            inner, at = dtype.inner, int(step[1:-1])
            value = value.list.get(at, null_on_oob=True) if isinstance(dtype, pl.List) else value.arr.get(at)
        else:
            inner = None
        if inner is None:
            return None
        dtype = inner if isinstance(inner, pl.DataType) else inner()
    return value, dtype


def check_sql(source: str) -> str:
    """The SQL behind `=`; sub-selects are refused, as they could read other files."""
    sql = source.lstrip()[1:].strip()
    if _SUBSELECT.search(sql):
        raise UsageError(
            "an expression may not contain SELECT or FROM",
            f"the column '{source}'",
            "write arithmetic and functions over the columns of the log",
        )
    return sql


def roots(source: str) -> list[str]:
    """The columns that `= SQL` reads."""
    return _parsed(source).meta.root_names()


@lru_cache(maxsize=4_096)
def _parsed(source: str) -> pl.Expr:
    try:
        return pl.sql_expr(check_sql(source))
    except pl.exceptions.PolarsError as error:
        first = str(error).splitlines()[0]
        raise UsageError(
            f"an expression cannot be read: {first}", f"the column '{source}'", "write it in polars SQL"
        ) from None


def _sql(schema: pl.Schema, source: str) -> tuple[pl.Expr, pl.DataType] | None:
    value = _parsed(source)
    if not set(value.meta.root_names()) <= set(schema):
        return None
    try:
        dtype = pl.LazyFrame(schema=schema).select(value.alias("it")).collect_schema()["it"]
    except pl.exceptions.PolarsError as error:
        first = str(error).splitlines()[0]
        raise UsageError(
            f"an expression does not fit the columns: {first}",
            f"the column '{source}'",
            "see `mlops sources detect` for the columns and their types",
        ) from None
    return value, dtype


def schema_of(path: str) -> pl.Schema:
    """The columns of a Parquet file; read once while the file stays as it is."""
    return _schema(*_version(path))


def _version(path: str) -> tuple[str, int, int]:
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = path.encode(errors="backslashreplace").decode()
        raise DataError("the name of this file is not UTF-8", shown, "rename it, or leave it out") from None
    try:
        seen = Path(path).stat()
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", path, "see that it is there") from None
    return path, seen.st_size, seen.st_mtime_ns


@lru_cache(maxsize=4_096)
def _schema(path: str, size: int, mtime: int) -> pl.Schema:  # noqa: ARG001 - they are the cache's key
    try:
        return pl.scan_parquet(path, glob=False).collect_schema()
    except pl.exceptions.PolarsError as error:
        first = str(error).splitlines()[0]
        raise DataError(
            f"this is no whole Parquet file: {first}", path, "write it again, or leave it out"
        ) from None


def _is_text(dtype: pl.DataType) -> bool:
    return dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)


def _plain(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """As logged; decimals are floats, nested values JSON, bytes hex."""
    if isinstance(dtype, pl.Decimal):
        return value.cast(pl.Float64())
    if dtype == pl.Binary:
        return value.bin.encode("hex")
    if dtype.is_nested():
        return pl.when(value.is_not_null()).then(
            pl.struct(value.alias("v")).struct.json_encode().str.slice(5).str.head(-1)
        )
    return value


def _text(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.String:
        return value
    if dtype.is_float():  # pandas makes floats of whole numbers where one is missing
        whole = value.cast(pl.Int64(), strict=False)
        return (
            pl.when(whole.cast(pl.Float64()) == value)
            .then(whole.cast(pl.String()))
            .otherwise(value.cast(pl.String()))
        )
    return _plain(value, dtype).cast(pl.String(), strict=False)


def _number(value: pl.Expr, dtype: pl.DataType, name: str) -> pl.Expr:
    if dtype == pl.Duration:
        return value.dt.total_microseconds() / (1_000 if name.endswith("_ms") else 1_000_000)
    if not _is_text(dtype):
        return value
    text = value.cast(pl.String()).str.strip_chars()
    number = text.cast(pl.Float64(), strict=False)
    if name != "status":
        return number
    words = text.str.to_lowercase().replace_strict(STATUS_WORDS, default=None, return_dtype=pl.Float64())
    return pl.coalesce(number, words)


def _truth(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if _is_text(dtype):
        word = value.cast(pl.String()).str.strip_chars().str.to_lowercase()
        return (
            pl.when(word.is_in(YES)).then(pl.lit(value=True)).when(word.is_in(NO)).then(pl.lit(value=False))
        )
    return value.cast(pl.Boolean(), strict=False)
