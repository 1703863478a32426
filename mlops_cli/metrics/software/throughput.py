"""throughput: rows a second."""

import polars as pl

from mlops_cli.metrics.hours import same_time
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.rows import finish, nothing

MICRO = 1_000_000


def compute(context: Context) -> pl.DataFrame:
    """Requests a second by window, else predictions."""
    tables = context.tables
    kind = next((k for k in ("requests", "predictions") if k in tables.kinds()), None)
    if kind is None:
        return nothing(context, "software", "no requests and no predictions in these logs")
    grid = tables.of(tables.ids(kind=kind, type="rows")).filter(pl.col("segment") == "")
    lengths = [(e - s) / MICRO for s, e in zip(context.windows, context.ends, strict=True)]
    if context.current.spec.window.seconds == 0:  # one window for the whole log: as long as its records
        spans = grid.select(pl.col("max").max() - pl.col("min").min()).item()
        lengths = [float(spans or 0) / MICRO for _ in lengths]
    length = pl.Series([lengths[w] for w in grid["w"]], dtype=pl.Float64)
    frame = grid.with_columns(length=length).with_columns(
        value=pl.col("n") / pl.col("length"),
        why=pl.when(pl.col("length") <= 0).then(pl.lit("the window has no length")),
    )
    whole = context.baseline_windows
    note = None
    if whole:
        mean = pl.col("n_base") / whole / pl.col("length")
        frame = same_time(frame.with_columns(reference=mean), context)
    elif context.baseline is not None:
        note = "the baseline has no windows"
    return finish(frame.with_columns(note=pl.lit(note, pl.String)), "software")


METRIC = Metric(
    group="software",
    unit="1/s",
    direction="both",
    help="Requests a second (predictions, where there is no access log)",
    formula="rows / length of the window; compared with the mean of the baseline's windows of the same time "
    "of day",
    source="counted",
    remedies=(
        "Compare with the load balancer's count to tell lost traffic from lost logging",
        "Add replicas or shed load if latency rises with it",
    ),
    compute=compute,
    whole_windows=True,
)
