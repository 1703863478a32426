"""Places that several kinds of log speak of: which kind is believed."""

import polars as pl

KINDS = ("requests", "predictions", "spans")  # the first that measures a component speaks for it
PLACE = ["model", "component", "segment"]


def first_of_place(grid: pl.DataFrame) -> pl.DataFrame:
    """The rows of the first kind of KINDS for each model, component and segment.

    Predictions are left out where there are requests, whatever their component: both are the same calls, and
    what an access log measures holds the way to the model too. Only segments come from them still.
    """
    there = set(grid["kind"].unique())
    if {"requests", "predictions"} <= there:
        grid = grid.filter((pl.col("kind") != "predictions") | (pl.col("segment") != ""))
    rank = pl.col("kind").replace_strict({k: i for i, k in enumerate(KINDS)}, return_dtype=pl.Int64)
    return grid.filter(rank == rank.min().over(PLACE))
