"""Rows of two versions side by side: which arm served them, and what went wrong in each.

Column-pruned and lazy; `profile/arms.py` counts them. A row is an answer that a user got: of the access log
where it tells the arms apart, of the predictions for what only they know.
"""

import re
from collections.abc import Sequence

import polars as pl

from mlops_cli.logs.canon import FEATURE
from mlops_cli.logs.expressions import available, expression, schema_of
from mlops_cli.logs.format import Part
from mlops_cli.logs.keys import ABSENT, column

ARMS = ("variant", "model_version")  # what tells the arms apart where nobody says
KINDS = ("requests", "predictions")  # in this order: an access log holds the failures, too
STRATUM = "stratum."
PRESENT, LACKING = "present", "absent"
_ID = re.compile(r"(^|_)(id|key|uuid|token|session|user)$", re.IGNORECASE)
ID_COLUMNS = 4  # of the file's own columns that look like a key


def arm_of(part: Part, arms: str) -> pl.Expr | None:
    """The arm of each row as text; None where the part does not tell."""
    have = available(part)
    if not arms:
        values = [expression(part, n) for n in ARMS if n in have]
        return pl.coalesce(values) if values else None
    name = named(part, arms)
    return expression(part, name).cast(pl.String()) if name else None


def named(part: Part, column: str) -> str:
    """The canonical name of a column as a user writes it; empty where the part lacks it."""
    have = available(part)
    return next((n for n in (column, FEATURE + column) if n in have), "")


def can(part: Part, name: str) -> bool:
    """Whether the part gives a canonical column."""
    return name in available(part)


def keys(part: Part) -> list[str]:
    """Columns of the file whose values may be there or not: keys that routing may go by."""
    schema = schema_of(part.path)
    return [n for n, t in schema.items() if t == pl.String and _ID.search(n)][:ID_COLUMNS]


def rows(part: Part, arms: str, unit: str, strata: Sequence[str], found: Sequence[str]) -> pl.LazyFrame:
    """The rows of one part that have a time and an arm.

    Parameters
    ----------
    part : of predictions or requests
    arms : column that tells the arms apart, empty: the first of ARMS
    unit : column of what is independent, empty: none
    strata : columns within which the arms are compared
    found : of the file's own key columns, those whose presence is a stratum

    Returns
    -------
    LazyFrame
        `time` (us), `arm`, `model`, `id`, `unit` (hashes, null where absent), `row`, `status`, `error`
        (status 500 or more, an error, or no output), `client` (4xx), `empty` (no output), `latency` (ms),
        `score`, `prediction`, and `stratum.X` as text.

    """
    status = _column(part, "status", pl.Int16())
    gone = _column(part, "prediction", pl.String())
    empty = pl.lit(None, dtype=pl.Boolean())
    if can(part, "prediction"):
        empty = gone.is_null() | (gone == "") | (gone.str.to_lowercase() == "nan")
    client = status.is_between(400, 499)
    told = can(part, "status") or can(part, "error")
    failed = pl.lit(None, dtype=pl.Boolean())
    if told:
        failed = (status >= 500).fill_null(value=False)
        if can(part, "error"):
            failed |= expression(part, "error").cast(pl.String()).fill_null("") != ""
        # A client's mistake rightly has no output; a log of requests without a status had no answer.
        silent = empty if can(part, "prediction") else status.is_null() if can(part, "status") else None
        if silent is not None:
            failed |= silent & ~client.fill_null(value=False)
    arm = arm_of(part, arms)
    assert arm is not None  # noqa: S101 - callers ask for parts that have one
    return (
        pl.scan_parquet(part.path, glob=False)
        .select(
            expression(part, "timestamp").to_physical().cast(pl.Int64()).alias("time"),
            arm.alias("arm"),
            column(part, "model").cast(pl.String()).alias("model"),
            _hash(part, "request_id").alias("id"),
            _column(part, "row", pl.UInt32()).alias("row"),
            (_hash(part, named(part, unit)) if unit else _no_hash()).alias("unit"),
            status.alias("status"),
            failed.alias("error"),
            client.alias("client"),
            empty.alias("empty"),
            _column(part, "latency_ms", pl.Float64()).alias("latency"),
            _column(part, "score", pl.Float64()).alias("score"),
            gone.alias("prediction"),
            *(_stratum(part, name) for name in strata),
            *(_presence(part, name) for name in found),
        )
        .filter(pl.col("time").is_not_null() & pl.col("arm").is_not_null())
    )


def _column(part: Part, name: str, dtype: pl.DataType) -> pl.Expr:
    if not can(part, name):
        return pl.lit(None, dtype=dtype)
    return expression(part, name).cast(dtype, strict=False)


def _hash(part: Part, name: str) -> pl.Expr:
    if not name or not can(part, name):
        return _no_hash()
    value = expression(part, name).cast(pl.String())
    return pl.when(value.is_not_null() & ~value.is_in(ABSENT)).then(value.hash())


def _no_hash() -> pl.Expr:
    return pl.lit(None, dtype=pl.UInt64())


def _stratum(part: Part, name: str) -> pl.Expr:
    own = named(part, name)
    value = expression(part, own).cast(pl.String()) if own else pl.lit(None, dtype=pl.String())
    return value.fill_null("(none)").alias(STRATUM + name)


def _presence(part: Part, name: str) -> pl.Expr:
    if name not in schema_of(part.path):
        return pl.lit(PRESENT).alias(STRATUM + name)
    value = pl.col(name)
    there = value.is_not_null() & ~value.is_in(ABSENT)
    return pl.when(there).then(pl.lit(PRESENT)).otherwise(pl.lit(LACKING)).alias(STRATUM + name)
