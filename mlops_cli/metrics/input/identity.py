"""duplicate-rate and bad-time-rate: ids that come again, and times that cannot be."""

import polars as pl

from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.rows import finish, nothing, rates
from mlops_cli.metrics.tables import Side
from mlops_cli.profile.spec import SKETCH

YEAR_2000 = 946_684_800_000_000  # microseconds


def duplicates(context: Context) -> pl.DataFrame:
    """Rows that repeat a request_id, by window."""
    tables = context.tables
    kind = next((k for k in tables.kinds() if tables.ids(kind=k, role="request_id")), None)
    if kind is None:
        return nothing(context, "input", context.unavailable.get("request_id", "there is no request_id"))
    ids = tables.ids(kind=kind, role="request_id")
    grid = tables.of(ids).select(
        "sid", "base", "field", "w", "window", "model", "component", "segment", "rows", "n"
    )
    grid = grid.filter(pl.col("segment") == "").with_columns(name=pl.lit(""))
    grid = grid.join(_sampled(tables.current, ids), on=["sid", "field", "w"], how="left")
    theirs = pl.DataFrame(
        schema={"base": pl.Int64, "field": pl.UInt16, "drawn_base": pl.Int64, "distinct_base": pl.Int64}
    )
    if tables.baseline is not None:
        theirs = (
            _sampled(tables.baseline, ids)
            .drop("w")
            .rename({"sid": "base", "drawn": "drawn_base", "distinct": "distinct_base"})
        )
    grid = grid.join(theirs, on=["base", "field"], how="left")
    grid = grid.sort("sid", "field", "w").with_columns(
        pl.col("drawn", "distinct").fill_null(0),
        note=pl.when(pl.col("distinct") >= SKETCH).then(pl.lit(f"from a sample of {SKETCH} ids")),
    )
    return rates(
        grid,
        lambda side: pl.col(f"drawn{side}") - pl.col(f"distinct{side}"),
        lambda side: pl.col(f"drawn{side}"),
        "input",
        "no row has an id",
    )


def _sampled(side: Side, ids: list[int]) -> pl.DataFrame:
    """Rows drawn and different ids among them, by sid, field and w; the smallest hashes of all arms."""
    table = side.profile.sketches.filter(pl.col("field").is_in(ids))
    table = side.placed(table).group_by("sid", "field", "w", "hash").agg(pl.col("count").sum())
    key = ["sid", "field", "w"]
    smallest = pl.col("hash").rank("ordinal").over(key) <= SKETCH
    return (
        table.filter(smallest)
        .group_by(key)
        .agg(drawn=pl.col("count").sum(), distinct=pl.len().cast(pl.Int64))
    )


def bad_times(context: Context) -> pl.DataFrame:
    """Rows of the main kind without a time, or with one before 2000 or after now.

    Rows without a time lie in no window of their own: what is known of them is how many there are in all, so
    they are counted in the last window that has begun, against all rows.
    """
    tables = context.tables
    kind = next(iter(tables.kinds()), None)
    if kind is None:
        return nothing(context, "input", "there is no row in these logs")
    groups = context.current.groups.filter((pl.col("kind") == kind) & (pl.col("segment") == ""))
    moments = context.current.moments.filter(pl.col("field").is_in(tables.ids(kind=kind, type="rows")))
    rows = moments.join(groups, on="group")
    if rows["max"].null_count() == rows.height:
        return nothing(context, "input", "the rows have no times")
    wrong = (pl.col("max") < YEAR_2000) | (pl.col("min") > context.now)
    bad = pl.when(wrong.fill_null(value=True)).then(pl.col("n")).otherwise(pl.col("nulls"))
    begun = [s for s in context.windows if s <= context.now] or list(context.windows[:1])
    frame = (
        rows.group_by("model", "component")
        .agg(n=pl.col("n").sum(), a=bad.sum())
        .sort("model", "component")
        .with_columns(value=pl.col("a") / pl.col("n"), test=pl.lit("proportion"), window=pl.lit(begun[-1]))
    )
    return finish(frame, "input")


DUPLICATES = Metric(
    group="input",
    unit="share",
    direction="up",
    help="Share of the rows that repeat an id which another row of the window has",
    formula="(rows - different ids) / rows, of the rows that have one of the 2,048 smallest hashes",
    source="KMV: Beyer, Haas, Reinwald, Sismanis, Gemulla (2007), SIGMOD",
    remedies=(
        "Look for a client or a queue that sends again after a timeout, and make the endpoint idempotent",
        "See whether a log file was shipped or loaded twice",
    ),
    compute=duplicates,
    needs=("request_id",),
)

BAD_TIMES = Metric(
    group="input",
    unit="share",
    direction="up",
    help="Share of the rows whose time is missing, before the year 2000 or in the future",
    formula="such rows / rows of the whole log; stands in the last window",
    source="counted",
    remedies=(
        "Look at the clock and the time zone of the host that writes these rows",
        "See whether a time in seconds is read as one in milliseconds: name its column in mlops.toml",
    ),
    compute=bad_times,
    needs=("timestamp",),
)
