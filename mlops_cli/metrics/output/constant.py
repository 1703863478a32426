"""constant-output: the model says the same to everyone."""

import numpy as np
import polars as pl

from mlops_cli.metrics.matrix import Matrix
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.outputs import outputs
from mlops_cli.metrics.rows import finish, lacking, nothing
from mlops_cli.metrics.series import Answer, by_series
from mlops_cli.metrics.tables import NUMERIC

UNKNOWN_SHARE = 0.5  # of the most frequent output, where no baseline says what it is


def compute(context: Context) -> pl.DataFrame:
    """Share of the most frequent prediction."""
    tables = context.tables
    ids = [i for i in outputs(tables) if tables.fields[i].type in (*NUMERIC, "category")]
    if tables.of(ids).is_empty():
        return nothing(context, "output", "there is no prediction that is a number or a category")
    frame = by_series(tables, ids, ("value", "m", "reference", "a"), _top)
    # One cell of numbers holds a range of them.
    blurred = (pl.col("value") == 1) & (pl.col("min") < pl.col("max"))
    frame = frame.with_columns(
        n=pl.col("m"),
        b=pl.lit(1.0),
        test=pl.lit("chi2"),
        value=pl.when(~blurred.fill_null(value=False)).then(pl.col("value")),
        why=pl.when(pl.col("m") == 0)
        .then(pl.coalesce(lacking(), pl.lit("all values are missing")))
        .when(blurred)
        .then(pl.lit("the predictions differ by less than a cell of the histogram")),
    )
    return finish(frame, "output")


def _top(matrix: Matrix, _field: int, _sid: int) -> Answer:
    n = matrix.current.sum(axis=1) + matrix.other
    m = matrix.reference.sum() + matrix.reference_other
    top = matrix.current.max(axis=1, initial=0.0)
    base = matrix.reference.max(initial=0.0)
    usual = (base + 1) / (m + 2) if m > 0 else UNKNOWN_SHARE
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(n > 0, top / n, np.nan)
        # Twice the log of the likelihood ratio of this share and the usual one; only more is evidence.
        yes = top * np.log(share / usual)
        no = np.where(top < n, (n - top) * np.log((1 - share) / (1 - usual)), 0.0)
        evidence = np.where(share > usual, 2 * (yes + no), 0.0)
    return {
        "value": share,
        "m": n,
        "reference": base / m if m > 0 else None,
        "a": np.where(n > 0, evidence, np.nan),
    }


METRIC = Metric(
    group="output",
    unit="share",
    direction="up",
    help="Share of the most frequent prediction: 1 when the model says the same to everyone",
    formula="rows of the most frequent prediction / predictions; evidence against the baseline's share of "
    "its most frequent one (against a half without a baseline)",
    source="Wilks (1938), Annals of Mathematical Statistics 9, for the likelihood ratio",
    remedies=(
        "Look at the features of these rows: a model that gets defaults only answers with one value",
        "Look for a fallback or a cache that answers in the model's place",
        "Roll back to the last version whose outputs varied",
    ),
    compute=compute,
    needs=("prediction",),
)
