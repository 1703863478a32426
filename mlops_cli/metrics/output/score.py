"""score-mean: how sure, or how high, the model answers on average."""

import polars as pl

from mlops_cli.metrics.means import means
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.rows import nothing
from mlops_cli.metrics.tables import NUMERIC


def compute(context: Context) -> pl.DataFrame:
    """Mean of the score, of a numeric prediction where there is none."""
    tables = context.tables
    ids = tables.ids(role="score", type=NUMERIC) or tables.ids(role="prediction", type=NUMERIC)
    grid = tables.of(ids)
    if grid.is_empty():
        return nothing(context, "output", "there is no score and no prediction that is a number")
    return means(grid, "output")


METRIC = Metric(
    group="output",
    unit="score",
    direction="both",
    help="Mean of the score (of the prediction, where it is a number and there is no score)",
    formula="sum / number of finite values; difference of means in standard errors as evidence; a move of "
    "less than a tenth of the baseline's standard deviation is none",
    source="Welch (1947), Biometrika 34, for the evidence",
    remedies=(
        "See which features drift at the same time: the mean of the score mostly follows one of them",
        "Compare with the labels as soon as they arrive, and calibrate again if they do not follow",
        "Look for a new model version or another threshold",
    ),
    compute=compute,
    needs=("score",),
)
