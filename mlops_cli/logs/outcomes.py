"""A file of outcomes by item, laid over those of the logs."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from mlops_cli.errors import UsageError
from mlops_cli.logs.shadow import Shadow
from mlops_cli.logs.sides import SIDES
from mlops_cli.logs.tables import read_table


def with_outcomes(shadow: Shadow, path: str, text_cache: Path | None = None) -> Shadow:
    """The decisions with these outcomes; of items that the file does not name those of the logs stay.

    Parameters
    ----------
    path : Parquet, CSV or JSON lines with an item (`item`, `item_id` ...) and an `outcome`; of an item named
        twice with different outcomes none counts

    Raises
    ------
    UsageError
        Where the file lacks one of the two columns, or the logs name no items.

    """
    table = read_table(path, text_cache)
    columns = table.collect_schema()
    names = {c.lower(): c for c in columns}
    item, outcome = (next((names[n] for n in SIDES[role] if n in names), "") for role in ("item", "outcome"))
    if not item or not outcome:
        missing = "item_id" if not item else "outcome"
        raise UsageError(
            f"no column '{missing}' in the outcomes",
            f"--outcomes {path}, which has: {', '.join(columns)}",
            "write a table with the columns item_id and outcome",
        )
    have = shadow.frame.collect_schema()
    if "item" not in have:
        raise UsageError(
            "the logs name no items", f"--outcomes {path}", "name the column: --item-column COLUMN"
        )
    given = (
        table.select(pl.col(item).cast(pl.String).alias("key"), pl.col(outcome).alias("given"))
        .filter(pl.col("key").is_not_null() & pl.col("given").is_not_null())
        .unique()
        .collect()
    )
    sure = given.filter(pl.col("key").is_unique())
    frame = shadow.frame.with_columns(pl.col("item").cast(pl.String).alias("key"))
    frame = frame.join(sure.lazy(), on="key", how="left")
    dtype = have.get("outcome")
    if dtype is None:
        frame = frame.rename({"given": "outcome"})
    else:
        wanted = dtype if dtype == sure.schema["given"] else pl.String()
        values = pl.coalesce(pl.col("given").cast(wanted), pl.col("outcome").cast(wanted))
        frame = frame.with_columns(values.alias("outcome")).drop("given")
    notes = [f"{sure.height:,} outcomes of {path}"]
    if sure.height < given["key"].n_unique():
        lost = given["key"].n_unique() - sure.height
        notes.append(f"{path} names {lost:,} items with different outcomes: none of them counts")
    return replace(shadow, frame=frame.drop("key"), notes=(*shadow.notes, *notes))
