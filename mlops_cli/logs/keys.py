"""Records of several files as one table of keys: whose hash is equal, is the same, whatever file it is in."""

from collections.abc import Mapping, Sequence

import polars as pl

from mlops_cli.logs.canon import FEATURE, KINDS
from mlops_cli.logs.expressions import available, expression
from mlops_cli.logs.format import Part

ODD = pl.lit(0x9E3779B97F4A7C15, dtype=pl.UInt64)  # 2**64 / golden ratio: spreads a row over all bits
ABSENT = ("", "-")  # nginx writes "-" for a header that was not sent
POSITION = "position"
FILE_BITS = 40  # of `ident`: the upper bits number the file, the lower ones the row in it
EXACT = 2**53  # whole numbers below it are the same as floats


def numbered(left: Sequence[Part], right: Sequence[Part] = ()) -> dict[str, int]:
    """The number of each file: by path, so that the order in which they were given is no matter.

    Those of the left side come first: `ident` of a prediction is the same in every join of it.
    """
    paths = [sorted({(p.source.path, p.path) for p in side}) for side in (left, right)]
    names = dict.fromkeys(path for side in paths for _, path in side)
    return {path: i for i, path in enumerate(names)}


def table(
    parts: Sequence[Part],
    name: str,
    files: Mapping[str, int],
    columns: Sequence[str],
    more: Sequence[pl.Expr] = (),
) -> pl.LazyFrame:
    """`ident`, hashed id `request`, `row`, the columns; and of `more` one expression a part."""
    frames = []
    for i, part in enumerate(parts):
        have = available(part)
        ident = pl.lit(files[part.path] << FILE_BITS, dtype=pl.UInt64()) + pl.col("mlops.at").cast(
            pl.UInt64()
        )
        row = expression(part, "row") if "row" in have and name != POSITION else pl.lit(None)
        wanted = [column(part, n) for n in dict.fromkeys(columns)]
        frames.append(
            pl.scan_parquet(part.path, glob=False, row_index_name="mlops.at").select(
                ident.alias("ident"),
                (ident.hash() if name == POSITION else _hashed(part, name)).alias("request"),
                row.cast(pl.UInt32()).alias("batch_row"),
                *wanted,
                *more[i : i + 1],
            ),
        )
    return pl.concat(frames, how="vertical_relaxed")  # a label is a number here and a text there


def constants(parts: Sequence[Part], columns: Sequence[str]) -> dict[str, pl.Expr]:
    """Of the columns of a `table` those that are the same in every row, as most logs name no arm and no row.

    Rows that lie in partitions need not hold them.
    """
    have = frozenset().union(*map(available, parts))
    models = {p.source.model for p in parts}
    out: dict[str, pl.Expr] = {}
    if "row" not in have:
        out["batch_row"] = pl.lit(None, dtype=pl.UInt32())
    if "model" in columns and "model" not in have and len(models) == 1:
        out["model"] = pl.lit(models.pop()).cast(pl.Categorical())
    if "arm" in columns and have.isdisjoint(("variant", "model_version")):
        out["arm"] = pl.lit("").cast(pl.Categorical())
    return out


def _hashed(part: Part, name: str) -> pl.Expr:
    if name not in available(part):
        return pl.lit(None, dtype=pl.UInt64())
    value = expression(part, name)
    return pl.when(value.is_not_null() & ~value.is_in(ABSENT)).then(value.hash())


def mix(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """Both as one hash; with the second, the first can be had back."""
    return one ^ (other.cast(pl.UInt64()) * ODD)


def who(parts: Sequence[Part]) -> list[pl.Expr]:
    """Of each part the hash of user and item; equal values are equal hashes, whatever file they are in."""
    names = sorted({n for p in parts for n in available(p) if n.startswith(FEATURE)})
    out = []
    for part in parts:
        item = _hashed(part, "item") if "item" in available(part) else _all_features(part, names)
        out.append(mix(_hashed(part, "user_id"), item).alias("who"))
    return out


def _all_features(part: Part, names: Sequence[str]) -> pl.Expr:
    """Hash of the features; one that the part lacks is like one that is null."""
    have = [n for n in names if n in available(part)]
    raw = pl.scan_parquet(part.path, glob=False).select(expression(part, n) for n in have)
    schema = raw.collect_schema()
    absent = pl.lit(None, dtype=pl.UInt64())
    values = [_value(expression(part, n), schema[n]) if n in schema else absent for n in names]
    return pl.struct(value.alias(n) for n, value in zip(names, values, strict=True)).hash()


def _value(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Hash of a value, null where it is null; 1, 1.0 and true are equal, as files disagree on dtypes."""
    number = value.cast(pl.Float64()).hash() if dtype.is_numeric() or dtype == pl.Boolean else value.hash()
    if dtype in {pl.Int64, pl.UInt64}:
        small = (value < EXACT) & (value > -EXACT)
        number = pl.when(small).then(number).otherwise(value.hash())
    if dtype in {pl.Categorical, pl.Enum} or dtype.is_temporal():
        number = (value.to_physical() if dtype == pl.Duration else value.cast(pl.String())).hash()
    return pl.when(value.is_not_null()).then(number)


def column(part: Part, name: str) -> pl.Expr:
    """A canonical column; null where the part lacks it. `model`, `arm` and `failed` are derived."""
    have = available(part)
    if name == "failed":
        status = expression(part, "status") if "status" in have else pl.lit(None, dtype=pl.Int16())
        error = expression(part, "error") if "error" in have else pl.lit(None, dtype=pl.String())
        return pl.coalesce(status >= 400, error.is_not_null()).alias(name)
    if name in {"model", "arm"}:
        chosen = ("model",) if name == "model" else ("variant", "model_version")
        last = pl.lit(part.source.model if name == "model" else "")
        values = [expression(part, n) for n in chosen if n in have]
        return pl.coalesce(*values, last).cast(pl.Categorical()).alias(name)
    if name in have:
        return expression(part, name).alias(name)
    canonical = KINDS[part.kind].get(name)
    return pl.lit(None, dtype=canonical.dtype if canonical else None).alias(name)
