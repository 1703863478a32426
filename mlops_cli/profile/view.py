"""Parts of a profile, and its windows pooled."""

from collections.abc import Collection
from dataclasses import replace

import polars as pl

from mlops_cli.profile.spare_merge import assemble
from mlops_cli.profile.spec import Profile

TABLES = ("moments", "cells", "values", "sketches", "schema")


def select(
    profile: Profile, *, windows: Collection[int] | None = None, kinds: Collection[str] | None = None
) -> Profile:
    """The counts of some windows, of some kinds of log."""
    keep = profile.groups
    if windows is not None:
        keep = keep.filter(pl.col("window").is_in(list(windows)))
    if kinds is not None:
        keep = keep.filter(pl.col("kind").is_in(list(kinds)))
    ids = keep.select(pl.col("group"), pl.int_range(pl.len(), dtype=pl.UInt32).alias("to"))
    tables = {
        name: getattr(profile, name)
        .join(ids, on="group", maintain_order="left")
        .with_columns(group="to")
        .drop("to")
        for name in TABLES
    }
    groups = keep.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("group"))
    return replace(profile, groups=groups, **tables)


def pool(profile: Profile) -> Profile:
    """All windows as one, window 0."""
    moved = replace(profile, groups=profile.groups.with_columns(window=pl.lit(0, pl.Int64)))
    return replace(assemble(profile.spec, [moved], profile.mantissa), notes=profile.notes)
