"""Rates of what joined logs say: counts by window, arms summed."""

import polars as pl

from mlops_cli.metrics.metric import Context
from mlops_cli.metrics.rows import NO_ROWS, finish, nothing

KEY = ["model", "component", "field"]


def joined_rate(context: Context, name: str, group: str, absent: str) -> pl.DataFrame:
    """Share k of n of one of `context.counts`, in every window.

    Parameters
    ----------
    context : with the counts; the baseline is what they say of its windows
    name : of the count
    group : of the metric
    absent : why there is none, where nothing better is known

    """
    counts = context.counts.get(name)
    if counts is None or counts.is_empty():
        return nothing(context, group, context.unavailable.get(name, absent))
    mine = counts.group_by(*KEY, "window").agg(pl.col("n", "k").sum())
    base = mine.filter(pl.col("window").is_in(context.baseline_starts)).group_by(KEY)
    theirs = base.agg(b=pl.col("k").sum(), c=pl.col("n").sum())
    starts = pl.DataFrame({"window": list(context.windows)}, schema={"window": pl.Int64})
    frame = mine.select(KEY).unique().join(starts, how="cross")
    frame = frame.join(mine, on=[*KEY, "window"], how="left").join(theirs, on=KEY, how="left")
    known, had = pl.col("n") > 0, pl.col("c") > 0
    frame = frame.sort(*KEY, "window").with_columns(
        value=pl.when(known).then(pl.col("k") / pl.col("n")),
        reference=pl.when(had).then(pl.col("b") / pl.col("c")),
        a=pl.col("k"),
        test=pl.lit("proportion"),
        why=pl.when(~known.fill_null(value=False)).then(pl.lit(NO_ROWS)),
        n=pl.col("n").fill_null(0),
    )
    return finish(frame, group)
