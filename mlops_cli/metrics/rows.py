"""Rows of a measurement frame: rates, whole frames, and the one row that says why there is nothing."""

from collections.abc import Callable

import polars as pl

from mlops_cli.metrics.metric import MEASUREMENT, Context

Side = Callable[[str], pl.Expr]  # suffix of the side ("" or "_base") → expression

NO_ROWS = "no rows"
NO_FIELD = "the field is not in these logs"
NO_BASELINE = "there is no baseline"
COLUMNS = {name: dtype for name, dtype in MEASUREMENT.items() if name != "code"}
NUMBERS = [name for name, dtype in COLUMNS.items() if dtype == pl.Float64()]


def finish(frame: pl.DataFrame, group: str) -> pl.DataFrame:
    """Complete a frame: all columns of MEASUREMENT but `code`, no NaN, a reason where there is no value.

    Parameters
    ----------
    frame : any of those columns; `name` is taken for a `field` id
    group : of all rows, unless the frame has its own

    """
    if "name" in frame.columns:
        frame = frame.with_columns(field=pl.col("name"))
    given = {"group": pl.lit(group), "arm": pl.lit(""), "test": pl.lit("")}
    for name in ("model", "component", "segment", "field"):
        given[name] = pl.lit("")
    missing = {name: given.get(name, pl.lit(None)) for name in COLUMNS if name not in frame.columns}
    frame = frame.with_columns(**missing).select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    finite = [pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in NUMBERS]
    frame = frame.with_columns(finite)
    reason = pl.col("why").fill_null("it cannot be computed")
    none = pl.col("value").is_null()
    return frame.with_columns(
        why=pl.when(none).then(reason).otherwise(pl.col("why")),
        size=pl.when(~none).then(pl.col("size")),
    )


def nothing(context: Context, group: str, why: str) -> pl.DataFrame:
    """One row, in the last window: these logs cannot give the metric at all."""
    last = context.windows[-1] if context.windows else 0
    return finish(pl.DataFrame({"window": [last], "why": [why]}), group)


def lacking(n: str = "n") -> pl.Expr:
    """Why a window of the grid has no value: no rows, or rows without the field."""
    return (
        pl.when(pl.col("rows") == 0)
        .then(pl.lit(NO_ROWS))
        .when(pl.col(n) == 0)
        .then(pl.lit(NO_FIELD))
        .otherwise(pl.lit(None, pl.String))
    )


def rates(
    grid: pl.DataFrame, k: Side, n: Side, group: str, empty: str = "all values are missing"
) -> pl.DataFrame:
    """Share k of n of each row of the grid, with the baseline's as reference and evidence.

    Parameters
    ----------
    grid : `Tables.grid`, or a frame with the same keys, `rows` and what the expressions need
    k, n : suffix of the side → count
    group : of the metric
    empty : why there is no value where n is 0, though there are rows with the field

    """
    frame = grid.with_columns(a=k(""), m=n(""), b=k("_base"), c=n("_base"))
    known = pl.col("m") > 0
    had = pl.col("c") > 0
    field = "n" if "n" in grid.columns else "rows"
    frame = frame.with_columns(
        value=pl.when(known).then(pl.col("a") / pl.col("m")),
        reference=pl.when(had).then(pl.col("b") / pl.col("c")),
        b=pl.when(had).then(pl.col("b")),
        c=pl.when(had).then(pl.col("c")),
        test=pl.lit("proportion"),
        why=pl.when(~known).then(pl.coalesce(lacking(field), pl.lit(empty))),
        n=pl.col("m"),
    )
    return finish(frame, group)
