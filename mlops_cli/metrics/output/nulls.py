"""null-rate: predictions that are none."""

import polars as pl

from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.outputs import outputs
from mlops_cli.metrics.rows import nothing, rates


def compute(context: Context) -> pl.DataFrame:
    """Null, NaN and infinite predictions."""
    grid = context.tables.of(outputs(context.tables))
    if grid.is_empty():
        return nothing(context, "output", "there is no prediction in these logs")
    return rates(
        grid,
        lambda side: pl.col(f"nulls{side}") + pl.col(f"nans{side}") + pl.col(f"infs{side}"),
        lambda side: pl.col(f"n{side}"),
        "output",
    )


METRIC = Metric(
    group="output",
    unit="share",
    direction="up",
    help="Share of the rows without a prediction: null, NaN or infinite",
    formula="(nulls + NaN + infinite) / rows; of the score where no prediction is logged",
    source="counted",
    remedies=(
        "Look at the errors and the missing features of the same rows: a null mostly follows one of them",
        "Roll back to the version before the one that began to give none",
        "Answer such rows with a default, or hand them to people",
    ),
    compute=compute,
    needs=("prediction",),
)
