"""unseen-rate: categories that the baseline does not have."""

import numpy as np
import polars as pl

from mlops_cli.metrics.matrix import Floats, Matrix
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.rows import NO_BASELINE, finish, lacking, nothing
from mlops_cli.metrics.series import Answer, by_series

DEVIATIONS = 4.0  # standard deviations, of the rows that are new by chance
CHANCE = 1e-5  # a value that is new with less probability than this is not new by chance


def compute(context: Context) -> pl.DataFrame:
    """Share of the rows whose category is new, by feature."""
    tables = context.tables
    if tables.baseline is None:
        return nothing(context, "input", NO_BASELINE)
    ids = tables.ids(role="feature", type="category")
    if tables.of(ids).is_empty():
        return nothing(context, "input", "no feature is a category")
    frame = by_series(tables, ids, ("a", "m", "c", "value", "size", "note"), _unseen)
    had = pl.col("c") > 0
    none = (
        pl.when(pl.col("n_base").is_null())
        .then(pl.lit("not in the baseline"))
        .otherwise(pl.lit("the baseline holds no value"))
    )
    empty = pl.coalesce(lacking(), pl.lit("all values are missing"))
    frame = frame.with_columns(
        why=pl.when(~had).then(none).when(pl.col("m") == 0).then(empty),
        n=pl.col("m"),
        reference=pl.when(had).then(0.0),
        b=pl.when(had).then(0.0),
        test=pl.lit("proportion"),
    )
    return finish(frame, "input")


def _unseen(matrix: Matrix, _field: int, _sid: int) -> Answer:
    n = matrix.current.sum(axis=1) + matrix.other
    m = matrix.reference.sum() + matrix.reference_other
    if m <= 0:
        return {"a": None, "m": n, "c": 0.0, "value": None, "size": None, "note": None}
    new = matrix.reference == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        if matrix.reference_other > 0:
            # A value that the baseline does not name may be one that it cut off, unless it is too frequent.
            certain = matrix.current * (m / n[:, None]) > matrix.cut
            k = np.where(new & certain, matrix.current, 0.0).sum(axis=1)
        else:
            k = matrix.current[:, new].sum(axis=1)
        share = np.where(n > 0, k / n, np.nan)
        size = np.maximum(0.0, k - _by_chance(matrix, n, m)) / n
    note = None
    if matrix.other.any() or matrix.reference_other > 0:
        note = "values beyond the cap of a file are not looked at"
    return {"a": k, "m": n, "c": m, "value": share, "size": np.where(n > 0, size, np.nan), "note": note}


def _by_chance(matrix: Matrix, n: Floats, m: float) -> Floats:
    """Rows that are hardly ever exceeded by those new by chance: had all been dealt to either side by lot.

    All t rows of a value fall to the window with the probability (n / (n + m))^t. Their mean, four standard
    deviations, and the skew of few rows (Cornish, Fisher 1938, to the second term).
    """
    together = matrix.current + matrix.reference
    p = (n / (n + m))[:, None] ** together
    p = np.where((together > 0) & (p > CHANCE), p, 0.0)
    spread = together * p * (1 - p)
    mean, variance = (together * p).sum(axis=1), (together * spread).sum(axis=1)
    third = (together**2 * spread * (1 - 2 * p)).sum(axis=1)
    skew = np.where(variance > 0, third / variance, 0.0) * (DEVIATIONS**2 - 1) / 6
    return np.asarray(mean + DEVIATIONS * np.sqrt(variance) + np.maximum(skew, 0.0))


METRIC = Metric(
    group="input",
    unit="share",
    direction="up",
    help="Share of the rows whose category the baseline never had",
    formula="rows of unseen categories / rows with a value; compared with the lines after taking off what is "
    "new by chance (rare categories): its mean, four standard deviations and skew",
    source="Rows exchanged between the samples: Fisher (1935), The Design of Experiments",
    remedies=(
        "List the new values: a release, a new region or a changed spelling shows at once",
        "Map spellings to the known ones where the field enters",
        "If the categories are real, the model guesses on them: retrain with them or hand them to people",
    ),
    compute=compute,
)
