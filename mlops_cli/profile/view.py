"""Parts of a profile, and its windows pooled."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import polars as pl

from mlops_cli.profile.merge import assemble
from mlops_cli.profile.spec import Profile


def select(
    profile: Profile, *, windows: Collection[int] | None = None, kinds: Collection[str] | None = None
) -> Profile:
    """The counts of some windows, of some kinds of log."""
    keep = profile.groups
    if windows is not None:
        keep = keep.filter(pl.col("window").is_in(list(windows)))
    if kinds is not None:
        keep = keep.filter(pl.col("kind").is_in(list(kinds)))
    if keep.height == profile.groups.height:
        return profile
    to = np.full(profile.groups.height, -1, np.int64)
    to[keep["group"].to_numpy()] = np.arange(keep.height)

    def kept(table: pl.DataFrame) -> pl.DataFrame:
        moved = table.with_columns(pl.Series("group", to[table["group"].to_numpy()]))
        return moved.filter(pl.col("group") >= 0).cast({"group": pl.UInt32})

    return replace(
        profile,
        groups=keep.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("group")),
        moments=kept(profile.moments),
        cells=kept(profile.cells),
        values=kept(profile.values),
        sketches=kept(profile.sketches),
        schema=kept(profile.schema),
    )


def pool(profile: Profile) -> Profile:
    """All windows as one, window 0."""
    moved = replace(profile, groups=profile.groups.with_columns(window=pl.lit(0, pl.Int64)))
    return assemble(profile.spec, [moved])
