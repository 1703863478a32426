"""What is tested: one row an item where several people decided it, else one a decision.

Columns: `item`, `rater`, `time`, `model`, `confidence`, `outcome`, `human` (one decision), `raters`
(people), `with_model` (people who chose what the model chose), `agreeing` (ordered pairs of people who
agree), `share` (of the people who were right), `right` (the model was), `ok` (the one person was), `apart`
(that person and the model differ), `segment.NAME`. Null where it is not known.
"""

from collections.abc import Sequence

import polars as pl

from mlops_cli.logs.shadow import COUNT, SEGMENT

OF_ITEM = ("model", "confidence", "outcome", "audit")


def decided(frame: pl.DataFrame, counts: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Blinded rows in which people decided, and those of them that have a model output, too."""
    human = pl.col("human").is_not_null() if "human" in frame.columns else pl.lit(value=False)
    if counts:
        human |= pl.sum_horizontal(*counts) > 0
    rows = frame.filter(pl.col("blind") & human)
    return rows, rows.filter(pl.col("model").is_not_null())


def same(left: str, right: str, scale: str, tolerance: float) -> pl.Expr:
    """Whether two columns of decisions agree; null where one is."""
    if scale == "numeric":
        return (pl.col(left) - pl.col(right)).abs() <= tolerance
    return pl.col(left) == pl.col(right)


def units_of(
    rows: pl.DataFrame, scale: str, classes: Sequence[str], counts: Sequence[str], tolerance: float
) -> tuple[str, pl.DataFrame]:
    """`item` or `decision`, and the units."""
    if counts:
        return "item", _judged(_counted(rows, classes, counts), scale, tolerance)
    if _several(rows):
        return "item", _judged(_grouped(rows, scale, tolerance), scale, tolerance)
    alone = rows.with_columns(
        pl.lit(1, dtype=pl.Int64).alias("raters"),
        same("human", "model", scale, tolerance).cast(pl.Int64).alias("with_model"),
        pl.lit(0, dtype=pl.Int64).alias("agreeing"),
    )
    alone = alone.with_columns(_right(alone, "human", scale, tolerance).cast(pl.Float64).alias("share"))
    return "decision", _judged(alone, scale, tolerance)


def _several(rows: pl.DataFrame) -> bool:
    """Whether items have several people and one output of the model each."""
    if "item" not in rows.columns or not rows.height:
        return False
    outputs = [n for n in ("model", "confidence") if n in rows.columns]
    items = rows["item"].n_unique()
    return items < rows.height and rows.select(pl.struct("item", *outputs).n_unique()).item() == items


def _grouped(rows: pl.DataFrame, scale: str, tolerance: float) -> pl.DataFrame:
    """One row an item; its one decision is the first by time, else that of a person in turn."""
    have = [n for n in OF_ITEM if n in rows.columns] + [n for n in rows.columns if n.startswith(SEGMENT)]
    order = [n for n in ("time", "rater", "human") if n in rows.columns]
    rows = rows.sort("item", *order, nulls_last=True)
    turn = pl.lit(0) if "time" in rows.columns and rows["time"].count() else pl.col("item").rank("dense") - 1
    rows = rows.with_columns(
        turn.cast(pl.Int64).alias("turn"),
        same("human", "model", scale, tolerance).alias("agrees"),
        _right(rows, "human", scale, tolerance).alias("was_right"),
    )
    at = pl.col("turn").first() % pl.len()
    items = rows.group_by("item", maintain_order=True).agg(
        *(pl.col(n).drop_nulls().first() for n in have),
        *(pl.col(n).get(at).alias(n) for n in ("human", "rater", "time", "seconds") if n in rows.columns),
        pl.len().cast(pl.Int64).alias("raters"),
        pl.col("agrees").sum().cast(pl.Int64).alias("with_model"),
        pl.col("was_right").mean().alias("share"),
    )
    pairs = (
        rows.group_by("item", "human")
        .len()
        .group_by("item")
        .agg((pl.col("len").cast(pl.Int64) * (pl.col("len").cast(pl.Int64) - 1)).sum().alias("agreeing"))
    )
    return items.join(pairs, on="item", how="left")


def _counted(rows: pl.DataFrame, classes: Sequence[str], counts: Sequence[str]) -> pl.DataFrame:
    """Items whose people are counted by class; a decision beside the counts stays the one person's."""
    code = {COUNT + name: i for i, name in enumerate(classes)}
    n = {c: pl.col(c).fill_null(0) for c in counts}

    def chose(column: str) -> pl.Expr:
        return pl.sum_horizontal(pl.when(pl.col(column) == code[c]).then(n[c]).otherwise(0) for c in counts)

    rows = rows.with_columns(
        pl.sum_horizontal(n.values()).cast(pl.Int64).alias("raters"),
        pl.when(pl.col("model").is_not_null()).then(chose("model")).cast(pl.Int64).alias("with_model"),
        pl.sum_horizontal(v * (v - 1) for v in n.values()).cast(pl.Int64).alias("agreeing"),
    )
    if "outcome" in rows.columns:
        right = pl.when(pl.col("outcome").is_not_null()).then(chose("outcome") / pl.col("raters"))
        return rows.with_columns(right.alias("share"))
    return rows.with_columns(pl.lit(None, dtype=pl.Float64).alias("share"))


def _right(rows: pl.DataFrame, side: str, scale: str, tolerance: float) -> pl.Expr:
    if "outcome" not in rows.columns or side not in rows.columns:
        return pl.lit(None, dtype=pl.Boolean)
    return same(side, "outcome", scale, tolerance)


def _judged(units: pl.DataFrame, scale: str, tolerance: float) -> pl.DataFrame:
    absent = {"item": pl.String, "rater": pl.String, "confidence": pl.Float64, "seconds": pl.Float64}
    absent |= {"outcome": pl.Int32, "human": pl.Int32, "model": pl.Int32}
    units = units.with_columns(
        pl.lit(None, dtype=d).alias(n) for n, d in absent.items() if n not in units.columns
    )
    return units.with_columns(
        _right(units, "model", scale, tolerance).alias("right"),
        _right(units, "human", scale, tolerance).alias("ok"),
        same("human", "model", scale, tolerance).not_().alias("apart"),
    )
