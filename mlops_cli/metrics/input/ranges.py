"""out-of-range: numbers beyond all of the baseline's."""

import numpy as np
import polars as pl

from mlops_cli.metrics.matrix import Matrix
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.rows import NO_BASELINE, finish, lacking, nothing
from mlops_cli.metrics.series import Answer, by_series
from mlops_cli.metrics.tables import NUMERIC

CHANCE = 1e-5  # of as many rows beyond the baseline's extremes, had nothing changed


def compute(context: Context) -> pl.DataFrame:
    """Share of the finite values beyond the baseline's extreme cells, by feature."""
    tables = context.tables
    if tables.baseline is None:
        return nothing(context, "input", NO_BASELINE)
    ids = tables.ids(role="feature", type=NUMERIC)
    if tables.of(ids).is_empty():
        return nothing(context, "input", "no feature is a number")
    frame = by_series(tables, ids, ("a", "m", "c", "value", "size"), _beyond)
    had, known = pl.col("c") > 0, pl.col("m") > 0
    none = (
        pl.when(pl.col("n_base").is_null())
        .then(pl.lit("not in the baseline"))
        .otherwise(pl.lit("the baseline holds no value"))
    )
    why = pl.when(~had).then(none).when(~known).then(pl.coalesce(lacking(), pl.lit("all values are missing")))
    frame = frame.with_columns(
        why=why,
        n=pl.col("m"),
        reference=pl.when(had).then(0.0),
        b=pl.when(had).then(0.0),
        test=pl.lit("proportion"),
    )
    return finish(frame, "input")


def _beyond(matrix: Matrix, _field: int, _sid: int) -> Answer:
    rows = matrix.current.sum(axis=1)
    base = matrix.reference.sum()
    filled = np.flatnonzero(matrix.reference)
    if not len(filled):
        return {"a": None, "m": rows, "c": 0.0, "value": None, "size": None}
    inside = matrix.current[:, filled[0] : filled[-1] + 1].sum(axis=1)
    beyond = rows - inside
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(rows > 0, beyond / rows, np.nan)
        # Rows are exchangeable when nothing changed: that the k most extreme of both are all the window's
        # has the probability (n / (n + m))^k, for each way to split them between the two ends.
        log = np.log(beyond + 1) + beyond * np.log(rows / (rows + base))
    size = np.where(log > np.log(CHANCE), 0.0, share)
    return {"a": beyond, "m": rows, "c": base, "value": share, "size": np.where(rows > 0, size, np.nan)}


METRIC = Metric(
    group="input",
    unit="share",
    direction="up",
    help="Share of a numeric feature's values that lie beyond all of the baseline's",
    formula="finite values below the baseline's smallest or above its largest cell / finite values; 0 where "
    "rows of the baseline would as easily lie there (p > 1e-5, rows exchangeable)",
    source="Order statistics of exchangeable rows: Wilks (1941), Annals of Mathematical Statistics 12",
    remedies=(
        "Look for a sentinel (-999, 1e9) or a changed unit in the source of this field",
        "Validate the field where it enters, and send such rows to a default or to people",
        "If the values are right, the model has never seen them: retrain with them",
    ),
    compute=compute,
)
