"""top-share: how much of a number's mass lies at one value."""

import numpy as np
import polars as pl

from mlops_cli.metrics.matrix import Floats, Matrix
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.rows import finish, lacking, nothing
from mlops_cli.metrics.series import Answer, by_series
from mlops_cli.metrics.tables import NUMERIC

CHANCE = 1e-5


def compute(context: Context) -> pl.DataFrame:
    """Share of the most frequent cell, by feature that is a number."""
    tables = context.tables
    ids = tables.ids(role="feature", type=NUMERIC)
    if tables.of(ids).is_empty():
        return nothing(context, "input", "no feature is a number")
    frame = by_series(tables, ids, ("a", "m", "b", "c", "value", "reference", "size"), _top)
    frame = frame.with_columns(
        n=pl.col("m"),
        test=pl.lit("proportion"),
        why=pl.when(pl.col("m") == 0).then(pl.coalesce(lacking(), pl.lit("all values are missing"))),
    )
    return finish(frame, "input")


def _top(matrix: Matrix, _field: int, _sid: int) -> Answer:
    current, reference = matrix.current, matrix.reference
    n, m = current.sum(axis=1), float(reference.sum())
    top = current.max(axis=1, initial=0.0)
    base = float(np.max(reference, initial=0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(n > 0, top / n, np.nan)
        before = base / m if m > 0 else np.nan
    size = share
    if m > 0 and len(reference):
        at = current.argmax(axis=1)
        log = _deviance(top, n, reference[at], m)
        # The largest of K cells was picked because it is large: K tests, not one.
        cells = int(np.count_nonzero(current.sum(axis=0) + reference)) or 1
        size = np.where(log > np.log(cells / CHANCE), share, np.minimum(share, before))
    none = m <= 0
    return {
        "a": top,
        "m": n,
        "b": None if none else base,
        "c": None if none else m,
        "value": share,
        "reference": None if none else before,
        "size": size,
    }


def _deviance(a: Floats, n: Floats, b: Floats, m: float) -> Floats:
    """Log of the likelihood ratio that the share a/n is larger than b/m; 0 where it is not."""
    together = (a + b) / (n + m)

    def part(k: Floats, rows: Floats | float) -> Floats:
        share = k / rows
        yes = np.where(k > 0, k * np.log(share / together), 0.0)
        no = np.where(k < rows, (rows - k) * np.log((1 - share) / (1 - together)), 0.0)
        return yes + no

    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = part(a, n) + part(b, m)
        return np.where((n > 0) & (a / n > b / m), np.nan_to_num(ratio), 0.0)


METRIC = Metric(
    group="input",
    unit="share",
    direction="up",
    help="Share of a numeric feature's values that are the most frequent one",
    formula="rows of the fullest cell / finite values; the baseline's share where chance would fill a cell "
    "as much (likelihood ratio, corrected for the number of cells)",
    source="Wilks (1938), Annals of Mathematical Statistics 9, for the likelihood ratio",
    remedies=(
        "Look for clipping, a stuck sensor or a default that is filled in for missing values",
        "Log a missing value as null instead of as a number",
    ),
    compute=compute,
)
