"""volume: rows of a window."""

import polars as pl

from mlops_cli.metrics.hours import same_time
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.rows import finish, nothing

BY_CHANCE = 4.0  # standard deviations of a Poisson count: a few rows come and go
NO_WINDOWS = "the baseline has no windows"


def compute(context: Context) -> pl.DataFrame:
    """Predictions by window, else requests."""
    tables = context.tables
    kind = next((k for k in ("predictions", "requests") if k in tables.kinds()), None)
    if kind is None:
        return nothing(context, "input", "no predictions and no requests in these logs")
    grid = tables.of(tables.ids(kind=kind, type="rows"))
    whole = context.baseline_windows
    mean = pl.col("n_base") / whole if whole else pl.lit(None, pl.Float64)
    frame = same_time(grid.with_columns(value=pl.col("n").cast(pl.Float64), reference=mean), context)
    # A slice of a few rows a window doubles or vanishes by chance; nobody would call that traffic.
    few = (pl.col("segment") != "") & (pl.col("reference") < context.settings.windows.min_rows)
    root = (pl.col("value") + 0.375).sqrt() - (pl.col("reference") + 0.375).sqrt()  # Anscombe 1948
    fewer = f"the baseline has fewer than {context.settings.windows.min_rows} rows a window here"
    frame = frame.with_columns(
        size=pl.when((2 * root).abs() < BY_CHANCE).then("reference").otherwise("value"),
        why=pl.when(few).then(pl.lit(fewer)),
        note=pl.lit(NO_WINDOWS if context.baseline is not None and not whole else None, pl.String),
    )
    return finish(frame, "input")


METRIC = Metric(
    group="input",
    unit="rows",
    direction="both",
    help="How many rows were logged in the window",
    formula="number of predictions (of requests, where no predictions are logged); "
    "compared with the mean of the baseline's windows of the same time of day (of the week, from two weeks "
    "on)",
    source="counted",
    remedies=(
        "Find out whether traffic changed or logging did: compare with the load balancer's count",
        "Look for a part of the pipeline, a client or a region that stopped sending",
        "For a surge, look for retries and for a client that loops",
    ),
    compute=compute,
    whole_windows=True,
)
