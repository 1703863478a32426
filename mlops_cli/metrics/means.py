"""Means of a field by window, from exact sums, with Welch's deviate as evidence."""

import polars as pl

from mlops_cli.metrics.rows import finish, lacking

DEVIATE = 1.959964  # 95 %, both sides
TINY = 0.1  # of the baseline's standard deviation: a smaller move of the mean is no change


def _finite(side: str) -> pl.Expr:
    return pl.col(f"n{side}") - pl.col(f"nulls{side}") - pl.col(f"nans{side}") - pl.col(f"infs{side}")


def means(grid: pl.DataFrame, group: str) -> pl.DataFrame:
    """Mean of the finite values of each row of the grid.

    `size` is the baseline's mean where the two differ by less than a tenth of the baseline's standard
    deviation: near 0 a relative line would be crossed by nothing.
    """
    frame = grid.with_columns(m=_finite(""), m_base=_finite("_base"))
    for side in ("", "_base"):
        mean = pl.col(f"sum{side}") / pl.col(f"m{side}")
        spread = pl.col(f"sumsq{side}") / pl.col(f"m{side}") - mean**2
        frame = frame.with_columns(mean.alias(f"mean{side}"), spread.clip(0).alias(f"var{side}"))
    had, known = pl.col("m_base") > 0, pl.col("m") > 0
    frame = frame.with_columns(
        value=pl.when(known).then(pl.col("mean")),
        reference=pl.when(had).then(pl.col("mean_base")),
        error=(pl.col("var") / pl.col("m")).sqrt(),
        test=pl.lit("z"),
    )
    apart = pl.col("value") - pl.col("reference")
    spread = (pl.col("var") / pl.col("m") + pl.col("var_base") / pl.col("m_base")).sqrt()
    # Both constant: they differ or they do not, there is no chance in it.
    z = pl.when(spread > 0).then(apart / spread).when(apart == 0).then(0.0).otherwise(apart.sign() * 1e3)
    return finish(
        frame.with_columns(
            a=z.clip(-1e3, 1e3),
            size=pl.when(apart.abs() < TINY * pl.col("var_base").sqrt())
            .then(pl.col("reference"))
            .otherwise(pl.col("value")),
            low=pl.col("value") - DEVIATE * pl.col("error"),
            high=pl.col("value") + DEVIATE * pl.col("error"),
            why=pl.when(~known).then(pl.coalesce(lacking(), pl.lit("all values are missing"))),
            n=pl.col("m"),
        ),
        group,
    )
