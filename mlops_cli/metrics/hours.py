"""Hours: what the baseline had at the same time of day, for what follows the clock."""

import polars as pl

from mlops_cli.metrics.metric import Context

DAY, WEEK = 86_400, 7 * 86_400  # seconds
KEYS = ("model", "component", "arm", "segment")


def same_time(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    """The frame with the mean of the baseline's windows of the same time of day as its `reference`.

    Traffic of the night held against the mean of whole days is a false alarm every night. From two weeks on
    it is the same weekday, too. A baseline that is shorter than a day, or a file of its own, keeps its mean.

    Parameters
    ----------
    frame : a row a series and window, with `window`, `value` and `reference`
    context : of the metric

    """
    spec = context.current.spec.window
    length = len(context.baseline_starts) * spec.seconds
    weekly = length >= 2 * WEEK and WEEK % spec.seconds == 0 if spec.seconds else False
    daily = 0 < spec.seconds < DAY and length >= DAY
    if not (weekly or daily):
        return frame
    keys = [k for k in KEYS if k in frame.columns]
    local = pl.from_epoch("window", "us").dt.replace_time_zone("UTC").dt.convert_time_zone(spec.timezone)
    seconds = local.dt.hour().cast(pl.Int64) * 3600 + local.dt.minute() * 60 + local.dt.second()
    slot = seconds // spec.seconds if spec.seconds < DAY else pl.lit(0, pl.Int64)
    placed = frame.with_columns(slot=slot + (local.dt.weekday() * DAY if weekly else 0))
    then = placed.filter(pl.col("window").is_in(list(context.baseline_starts)))
    usual = then.group_by(*keys, "slot").agg(pl.col("value").mean().alias("usual"))
    return (
        placed.join(usual, on=[*keys, "slot"], how="left", maintain_order="left")
        .with_columns(reference=pl.coalesce("usual", "reference"))
        .drop("slot", "usual")
    )
