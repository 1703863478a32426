"""staleness: age of the newest record."""

import polars as pl

from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.rows import finish, nothing

HOUR = 3_600_000_000  # microseconds


def compute(context: Context) -> pl.DataFrame:
    """Hours from the newest record of each kind of log to now; the kind stands as the field."""
    groups = context.current.groups.filter((pl.col("segment") == "") & (pl.col("window") <= context.now))
    ids = context.tables.ids(type="rows")
    rows = context.current.moments.filter(pl.col("field").is_in(ids) & pl.col("max").is_not_null())
    rows = rows.join(groups, on="group")
    if rows.is_empty():
        return nothing(context, "software", "the rows have no times")
    newest = rows.group_by("kind").agg(pl.col("max").max(), pl.col("n").sum()).sort("kind")
    age = (context.now - pl.col("max")) / HOUR
    return finish(
        newest.select(
            "n",
            field=pl.col("kind"),
            value=age.clip(0),
            window=pl.lit(context.windows[-1], pl.Int64),
        ),
        "software",
    )


METRIC = Metric(
    group="software",
    unit="h",
    direction="up",
    help="Hours since the newest record of each kind of log",
    formula="now - time of the newest record; stands in the last window",
    source="counted",
    remedies=(
        "See whether the service still runs, and whether its logs are still shipped",
        "Run with a newer copy of the logs",
    ),
    compute=compute,
    needs=("timestamp",),
)
