"""Rows with the window that each belongs to."""

import polars as pl

from mlops_cli.profile.clock import YEARS, starts_of
from mlops_cli.profile.spec import WindowSpec


def windowed(frame: pl.DataFrame, window: WindowSpec) -> pl.DataFrame:
    """Adds `window`; null where there is no time, or one that no calendar holds."""
    if not window.seconds:
        return frame.with_columns(window=pl.lit(0, dtype=pl.Int64()))
    time = pl.col("timestamp").to_physical().cast(pl.Int64)
    frame = frame.with_columns(window=pl.when(time.is_between(*YEARS)).then(time))
    starts = pl.Series(starts_of(frame["window"].fill_null(0).to_numpy(), window), dtype=pl.Int64)
    return frame.with_columns(window=pl.when(pl.col("window").is_not_null()).then(starts))
