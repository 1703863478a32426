"""How many predictions each version of a model made in each window: three columns of the rows, no more."""

from collections.abc import Sequence

import polars as pl

from mlops_cli.logs.expressions import available, expression
from mlops_cli.logs.format import Part
from mlops_cli.logs.keys import column
from mlops_cli.profile.spec import WindowSpec
from mlops_cli.profile.windowed import windowed

VERSIONS: dict[str, pl.DataType] = {
    "model": pl.String(),
    "window": pl.Int64(),
    "version": pl.String(),
    "reference": pl.Boolean(),  # of a baseline that is a file of its own; its windows are 0
    "n": pl.Int64(),
}


def versions(parts: Sequence[Part], reference: Sequence[Part], window: WindowSpec) -> pl.DataFrame:
    """Frame of VERSIONS; rows that name no version are left out."""
    frames = [pl.DataFrame(schema=VERSIONS)]
    for side, own in ((parts, False), (reference, True)):
        for part in side:
            have = available(part)
            if part.kind == "predictions" and "model_version" in have and (own or "timestamp" in have):
                frames.append(_counted(part, window, own=own))
    return (
        pl.concat(frames)
        .group_by("model", "window", "version", "reference")
        .agg(pl.col("n").sum())
        .sort(pl.all())
    )


def _counted(part: Part, window: WindowSpec, *, own: bool) -> pl.DataFrame:
    rows = pl.scan_parquet(part.path, glob=False)
    step = max(window.seconds, 1) if window.seconds else 0
    time = pl.lit(0, pl.Int64()) if own or not step else expression(part, "timestamp")
    unit = 3_600 if step and step % 3_600 == 0 else step  # windows of days begin when the zone says so
    coarse = time if own or not step else time.dt.truncate(f"{unit}s")
    counted = (
        rows.select(
            column(part, "model").cast(pl.String()),
            expression(part, "model_version").cast(pl.String()).alias("version"),
            coarse.alias("timestamp"),
        )
        .drop_nulls("version")
        .group_by("model", "version", "timestamp")
        .agg(pl.len().cast(pl.Int64()).alias("n"))
        .collect(engine="streaming")
    )
    frame = (
        counted.with_columns(window=pl.lit(0, pl.Int64())) if own or not step else windowed(counted, window)
    )
    return (
        frame.drop_nulls("window")
        .group_by("model", "window", "version")
        .agg(pl.col("n").sum())
        .with_columns(reference=pl.lit(own))
        .select(pl.col(n).cast(t) for n, t in VERSIONS.items())
    )
