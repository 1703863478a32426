"""empty-rate and text-length: texts that are empty, and how long the others are."""

import polars as pl

from mlops_cli.metrics.means import means
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.rows import nothing, rates

TEXTUAL = ("text", "category", "id")


def empty(context: Context) -> pl.DataFrame:
    """Texts of length 0 by feature."""
    grid = context.tables.of(context.tables.ids(role="feature", type=TEXTUAL))
    if grid.is_empty():
        return nothing(context, "input", "no feature is a text")
    return rates(
        grid,
        lambda side: pl.col(f"empties{side}"),
        lambda side: pl.col(f"n{side}") - pl.col(f"nulls{side}"),
        "input",
    )


def length(context: Context) -> pl.DataFrame:
    """Mean bytes of free text by feature."""
    grid = context.tables.of(context.tables.ids(role="feature", type="text"))
    if grid.is_empty():
        return nothing(context, "input", "no feature is free text")
    return means(grid, "input")


EMPTY = Metric(
    group="input",
    unit="share",
    direction="up",
    help="Share of a feature's texts that are empty",
    formula="texts of length 0 / texts that are not null",
    source="counted",
    remedies=(
        "Look at the form or the client that sends this field: empty texts mostly come from a changed one",
        "Log an absent value as null, so that it is told apart from an empty answer",
    ),
    compute=empty,
)

LENGTH = Metric(
    group="input",
    unit="bytes",
    direction="both",
    help="Mean length of a text",
    formula="bytes of all texts (UTF-8) / texts; difference of means in standard errors as evidence",
    source="Welch (1947), Biometrika 34, for the evidence",
    remedies=(
        "Read a few texts of before and after: truncation, a new language and pasted templates show at once",
        "Look for a changed limit of length or another encoding upstream",
    ),
    compute=length,
)
