"""error-rate and client-error-rate: answers that are none."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.metrics.matrix import Matrix
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.places import KINDS, first_of_place
from mlops_cli.metrics.rows import nothing, rates
from mlops_cli.metrics.series import Answer, by_series
from mlops_cli.metrics.tables import Tables

FORMS = ("k", "m", "k_base", "m_base")


def errors(context: Context) -> pl.DataFrame:
    """Failed answers by component: of status 500 and above, or with an error."""
    tables = context.tables
    frames = []
    for kind in KINDS:
        status, error = tables.ids(kind=kind, role="status"), tables.ids(kind=kind, role="error")
        both = [f for f in (_statuses(tables, status, 500, np.inf), _told(tables, error)) if f is not None]
        if not both:
            continue
        frame = both[0]
        if len(both) == 2:  # how often both hold is not known: at least the more frequent of them
            frame = frame.join(both[1], on=["sid", "w"], how="full", suffix="_told", coalesce=True)
            frame = frame.with_columns(pl.max_horizontal(name, f"{name}_told").alias(name) for name in FORMS)
        frames.append(frame.select("sid", "w", *FORMS))
    return _rates(context, frames, "there is no status and no error in these logs")


def client_errors(context: Context) -> pl.DataFrame:
    """Requests that were refused by component: of status 400 to 499."""
    tables = context.tables
    counted = [_statuses(tables, tables.ids(kind=kind, role="status"), 400, 500) for kind in KINDS]
    frames = [f.select("sid", "w", *FORMS) for f in counted if f is not None]
    return _rates(context, frames, "there is no status in these logs")


def _rates(context: Context, frames: list[pl.DataFrame], absent: str) -> pl.DataFrame:
    if not frames:
        return nothing(context, "software", absent)
    tables = context.tables
    rows = tables.of(tables.ids(type="rows")).select(
        "sid", "w", "window", "kind", "model", "component", "segment", "rows"
    )
    grid = first_of_place(pl.concat(frames).join(rows, on=["sid", "w"])).sort("sid", "w")
    return rates(
        grid,
        lambda side: pl.col(f"k{side}"),
        lambda side: pl.col(f"m{side}"),
        "software",
        "no row has a status",
    )


def _statuses(tables: Tables, ids: list[int], low: float, high: float) -> pl.DataFrame | None:
    """Rows with a status in [low, high) and rows with any, of either side."""
    if tables.of(ids).is_empty():
        return None

    def take(matrix: Matrix, _field: int, _sid: int) -> Answer:
        chosen = _within(matrix, low, high)
        none = not matrix.known
        return {
            "k": matrix.current[:, chosen].sum(axis=1),
            "m": matrix.current.sum(axis=1),
            "k_base": None if none else float(matrix.reference[chosen].sum()),
            "m_base": None if none else float(matrix.reference.sum()),
        }

    frame = by_series(tables, ids, FORMS, take)
    return frame.select("sid", "w", *(pl.col(c).fill_nan(None).cast(pl.Int64) for c in FORMS))


def _within(matrix: Matrix, low: float, high: float) -> NDArray[np.bool_]:
    """Which cells (or categories) are a status in [low, high)."""
    if matrix.names is not None:
        names = matrix.names.cast(pl.Float64, strict=False).fill_null(0).to_numpy()
        return np.asarray((names >= low) & (names < high))
    # In segments the cells are coarse: the one that holds the bound counts above it (496 to 499 are rare).
    return np.asarray((matrix.high > low) & (matrix.high <= high))


def _told(tables: Tables, ids: list[int]) -> pl.DataFrame | None:
    """Rows with an error text and rows, of either side."""
    grid = tables.of(ids)
    if grid.is_empty():
        return None

    def told(side: str) -> pl.Expr:
        return pl.col(f"n{side}") - pl.col(f"nulls{side}") - pl.col(f"empties{side}")

    return grid.select("sid", "w", k=told(""), m=pl.col("n"), k_base=told("_base"), m_base=pl.col("n_base"))


ERRORS = Metric(
    group="software",
    unit="share",
    direction="up",
    help="Share of the answers that failed: status 500 and above, or an error text",
    formula="rows of status >= 500 / rows with a status; rows with an error / rows; the larger where both "
    "are logged. Of requests, else predictions, and of each component's spans",
    source="counted",
    remedies=(
        "Read the most frequent error of these rows, and see which release or host it began with",
        "Roll back if it began with a release",
        "Look at the component that failed first: later ones fail because of it",
    ),
    compute=errors,
)

CLIENT_ERRORS = Metric(
    group="software",
    unit="share",
    direction="up",
    help="Share of the requests that were refused: status 400 to 499",
    formula="rows of status 400 to 499 / rows with a status",
    source="counted",
    remedies=(
        "See which path and which client they come from: mostly one client sends what it should not",
        "Look for a stricter validation or an expired credential after a release",
    ),
    compute=client_errors,
)
