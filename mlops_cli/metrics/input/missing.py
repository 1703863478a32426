"""missing-rate and infinite-rate: values that are not there, and numbers that are none."""

import polars as pl

from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.rows import nothing, rates
from mlops_cli.metrics.tables import NUMERIC


def _missing(side: str) -> pl.Expr:
    return pl.col(f"nulls{side}") + pl.col(f"nans{side}")


def missing(context: Context) -> pl.DataFrame:
    """Nulls and NaN by feature."""
    grid = context.tables.of(context.tables.ids(role="feature"))
    if grid.is_empty():
        return nothing(context, "input", "there are no features in these logs")
    return rates(grid, _missing, lambda side: pl.col(f"n{side}"), "input")


def infinite(context: Context) -> pl.DataFrame:
    """Infinities by feature that is a number."""
    grid = context.tables.of(context.tables.ids(role="feature", type=NUMERIC))
    if grid.is_empty():
        return nothing(context, "input", "no feature is a number")
    return rates(
        grid,
        lambda side: pl.col(f"infs{side}"),
        lambda side: pl.col(f"n{side}") - _missing(side),
        "input",
    )


MISSING = Metric(
    group="input",
    unit="share",
    direction="up",
    help="Share of rows in which a feature has no value",
    formula="(nulls + NaN) / rows, of the files that have the column",
    source="counted",
    remedies=(
        "Ask the owner of the source that fills this field what changed at that time",
        "Look for a renamed key or a failed join upstream: the field may arrive under another name",
        "If the value may be missing, give the model an explicit default and retrain with it",
    ),
    compute=missing,
)

INFINITE = Metric(
    group="input",
    unit="share",
    direction="up",
    help="Share of a numeric feature's values that are infinite",
    formula="infinite values / values that are neither null nor NaN",
    source="counted",
    remedies=(
        "Look for a division by zero or an overflow in the feature's computation",
        "Clip or reject infinite values before the model",
    ),
    compute=infinite,
)
