"""Columns left out, hashed with a key, or cut, before anything is kept of them."""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

import polars as pl

from mlops_cli.logs.canon import FEATURE
from mlops_cli.logs.expressions import EXPRESSION, roots
from mlops_cli.logs.privacy import Privacy

DIGITS = 32  # of a hash: 128 bits, so that equal hashes are equal values


def private(
    rows: pl.LazyFrame, schema: pl.Schema, privacy: Privacy, columns: Mapping[str, str]
) -> pl.LazyFrame:
    """The rows as they may be kept. `columns` (canonical → source) tell which column a role is."""
    if not privacy.asks:
        return rows
    chosen = []
    for name, dtype in schema.items():
        if any(_meant(name, wanted, columns) for wanted in privacy.drop):
            continue
        chosen.append(_value(pl.col(name), dtype, name, privacy, columns).alias(name))
    return rows.select(chosen) if chosen else rows.select([])


def touches(schema: pl.Schema, privacy: Privacy, columns: Mapping[str, str]) -> bool:
    """Whether a file has a column that is meant."""
    wanted = (*privacy.drop, *privacy.hash, *(name for name, _ in privacy.truncate))
    return any(_meant(leaf, one, columns) for leaf in _leaves(schema) for one in wanted)


def _leaves(schema: Mapping[str, pl.DataType], above: str = "") -> Iterator[str]:
    for name, dtype in schema.items():
        yield above + name
        if isinstance(dtype, pl.Struct):
            yield from _leaves(_fields(dtype), f"{above}{name}.")


def _fields(dtype: pl.Struct) -> dict[str, pl.DataType]:
    return {f.name: f.dtype if isinstance(f.dtype, pl.DataType) else f.dtype() for f in dtype.fields}


def _meant(source: str, wanted: str, columns: Mapping[str, str]) -> bool:
    """Whether a name means this column: its own name, that of what it lies in, or its role."""
    if fnmatchcase(source, wanted) or source.startswith(f"{wanted}."):
        return True
    of_role = columns.get(wanted) or columns.get(FEATURE + wanted)
    if of_role is None:
        return False
    return source in roots(of_role) if of_role.startswith(EXPRESSION) else source == of_role


def _value(
    value: pl.Expr, dtype: pl.DataType, source: str, privacy: Privacy, columns: Mapping[str, str]
) -> pl.Expr:
    if any(_meant(source, wanted, columns) for wanted in privacy.drop):
        return pl.lit(None, dtype=dtype)
    if any(_meant(source, wanted, columns) for wanted in privacy.hash):
        return hashed(value, dtype, privacy.secret())
    cut = [size for wanted, size in privacy.truncate if _meant(source, wanted, columns)]
    if cut and dtype == pl.String:
        return value.str.head(min(cut))
    if isinstance(dtype, pl.Struct):
        inner = [
            _value(value.struct.field(name), kind, f"{source}.{name}", privacy, columns).alias(name)
            for name, kind in _fields(dtype).items()
        ]
        return pl.when(value.is_not_null()).then(pl.struct(inner))
    return value


def hash_of(text: str, secret: bytes) -> str:
    """The hash by which a value is known."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()[:DIGITS]


def hashed(value: pl.Expr, dtype: pl.DataType, secret: bytes) -> pl.Expr:
    """Keyed hash of each value's text, as hex; 7, 7.0 and "7" are one, as files disagree on dtypes."""

    def digest(values: pl.Series) -> pl.Series:
        known = {v: hash_of(v, secret) for v in values.unique() if v is not None}
        return values.replace_strict(known, default=None, return_dtype=pl.String())

    text = (
        value.cast(pl.String())
        if dtype.is_numeric() or dtype == pl.String
        else value.cast(pl.String(), strict=False)
    )
    if dtype.is_float():
        text = text.str.strip_suffix(".0")
    if dtype.is_nested() or dtype == pl.Binary:
        text = (
            pl.struct(value.alias("v")).struct.json_encode() if dtype.is_nested() else value.bin.encode("hex")
        )
    return text.map_batches(digest, return_dtype=pl.String(), is_elementwise=True)
