"""What people and the model decided on the same items, as one frame in canonical columns.

Read from tables that hold both (wide or long). The columns, each there only where the table has it:
`item`, `rater`, `human`, `model`, `confidence`, `outcome`, `time`, `seconds`, `saw`, `initial`, `final`,
their scores, `version`, `audit`, `count.CLASS`, `segment.COLUMN`. A row without `model` or without `human`
lacks that side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from mlops_cli.errors import UsageError
from mlops_cli.logs.canon import TIME
from mlops_cli.logs.expressions import resolve, typed
from mlops_cli.logs.sides import Sides
from mlops_cli.result.report import BadLine, Source

DTYPES: Mapping[str, pl.DataType] = {
    "confidence": pl.Float64(),
    "time": TIME,
    "seconds": pl.Float64(),
    "saw": pl.Boolean(),
    "initial_score": pl.Float64(),
    "model_score": pl.Float64(),
    "final_score": pl.Float64(),
    "version": pl.String(),
    "audit": pl.Boolean(),
    "rater": pl.String(),
    "kind": pl.String(),
    "name": pl.String(),
}
SEGMENT, COUNT = "segment.", "count."
OF_THE_ITEM = ("outcome", "version", "name", "audit")


@dataclass(frozen=True)
class Shadow:
    """Decisions of people and a model side by side.

    Parameters
    ----------
    frame : as the module says
    model : its name, empty where it has none
    segments : columns that slice the items
    sampled : people decide on a part of what the model decides, so that a model alone is no loss
    human_only, model_only : items that only one side has, where the two had to be joined
    sources, bad, notes : what was read, which lines could not be, what was assumed

    """

    frame: pl.LazyFrame
    model: str
    segments: tuple[str, ...]
    sampled: bool
    human_only: int = 0
    model_only: int = 0
    sources: tuple[Source, ...] = ()
    bad: tuple[BadLine, ...] = ()
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Table:
    """One file that holds decisions of both sides: its rows in its own columns, and its roles."""

    frame: pl.LazyFrame
    roles: Sides
    source: Source
    timezone: str
    bad: tuple[BadLine, ...] = ()


def side_by_side(tables: Sequence[Table], model: str, model_rater: str) -> Shadow:
    """The decisions of all tables.

    Parameters
    ----------
    tables : all wide or all long
    model : which of several models; empty where there is only one
    model_rater : the rater that is the model, where no column says which raters are

    Raises
    ------
    UsageError
        Where several models decide and none was chosen, or the one chosen is not there.

    """
    frames = [_canonical(t) for t in tables]
    frame = pl.concat(frames, how="diagonal_relaxed") if len(frames) > 1 else frames[0]
    first = tables[0].roles
    segments = tuple(dict.fromkeys(s for t in tables for s in t.roles.segments))
    notes = tuple(dict.fromkeys(n for t in tables for n in t.roles.notes))
    shadow = Shadow(
        frame,
        first.model,
        segments,
        sampled=False,
        sources=tuple(t.source for t in tables),
        bad=tuple(b for t in tables for b in t.bad),
        notes=notes,
    )
    if first.long:
        return _paired(shadow, model, model_rater)
    columns = frame.collect_schema()
    if "name" in columns:
        shadow = of_model(shadow, model)
    return shadow


def _canonical(table: Table) -> pl.LazyFrame:
    """The roles of one table, renamed and typed; one row a person where each person has a column."""
    roles, schema = table.roles, table.frame.collect_schema()
    wanted = []
    for role, source in roles.columns.items():
        value, dtype = _found(schema, source, table)
        if role in DTYPES:
            value = typed(value, dtype, role, DTYPES[role], table.timezone)
        wanted.append(value.alias(role))
    if roles.probabilities:
        wanted.append(pl.max_horizontal(*roles.probabilities).cast(pl.Float64()).alias("confidence"))
    wanted += [
        pl.col(column).cast(pl.Int64(), strict=False).alias(COUNT + name) for column, name in roles.counts
    ]
    wanted += [pl.col(column).alias(SEGMENT + column) for column in roles.segments]
    if len(roles.humans) <= 1:
        human = [_found(schema, h, table)[0].alias("human") for h in roles.humans]
        return table.frame.select(*wanted, *human)
    people = [
        table.frame.select(*wanted, _found(schema, h, table)[0].alias("human"), pl.lit(h).alias("rater"))
        for h in roles.humans
    ]
    return pl.concat(people, how="vertical_relaxed")


def _found(schema: pl.Schema, source: str, table: Table) -> tuple[pl.Expr, pl.DataType]:
    found = resolve(schema, source)
    if found is None:
        raise UsageError(
            f"{table.source.path} has no column for '{source}'",
            f"{table.source.path}, which has: {', '.join(list(schema)[:20])}",
            "name a column that all of the files have",
        )
    return found


def of_model(shadow: Shadow, model: str) -> Shadow:
    """Rows of one of several models, told apart by a column."""
    names = shadow.frame.select(pl.col("name").drop_nulls().unique().sort()).collect().to_series().to_list()
    if model and model not in names:
        raise _no_model(model, names)
    if not model and len(names) > 1:
        raise _which(names)
    if model:
        shadow = replace(shadow, frame=shadow.frame.filter(pl.col("name") == model))
    return replace(
        shadow, model=model or (names[0] if names else shadow.model), frame=shadow.frame.drop("name")
    )


def _paired(shadow: Shadow, model: str, model_rater: str) -> Shadow:
    """A long table as pairs: each person's decision beside the model's on the same item."""
    columns = shadow.frame.collect_schema()
    if "item" not in columns:
        raise UsageError(
            "a long table needs a column that names the item",
            ", ".join(s.path for s in shadow.sources),
            "name it: --item-column COLUMN",
        )
    frame, chosen = shadow.frame, model or model_rater
    machine = pl.col("rater") == model_rater
    if "kind" in columns:
        machine = pl.col("kind").str.strip_chars().str.to_lowercase() == "model"
    names = frame.filter(machine).select(pl.col("rater").unique().sort()).collect().to_series().to_list()
    if not names or (chosen and chosen not in names):
        raise _no_model(chosen or "model", names)
    if not chosen and len(names) > 1:
        raise _which(names)
    one = chosen or names[0]
    of_item = [n for n in columns if n in OF_THE_ITEM or n.startswith(SEGMENT)]
    items = frame.group_by("item").agg(pl.col(n).drop_nulls().min() for n in of_item)
    mine = [n for n in ("human", "confidence", "time") if n in columns and (n != "time")]
    models = (
        frame.filter(machine & (pl.col("rater") == one))
        .select("item", *mine)
        .rename({"human": "model"})
        .unique()
        .sort("item", *(n for n in mine if n != "human"), "model", nulls_last=True)
        .unique("item", keep="first", maintain_order=True)
        .with_columns(pl.lit(value=True).alias("answered"))
    )
    people = frame.filter(~machine).drop(*of_item, *(n for n in ("kind", "confidence") if n in columns))
    people = people.with_columns(pl.lit(value=True).alias("person"))
    both = people.join(models, on="item", how="full", coalesce=True).join(items, on="item", how="left")
    found = both.group_by("item").agg(
        pl.col("person").any().fill_null(value=False), pl.col("answered").any().fill_null(value=False)
    )
    lost = found.select(
        (pl.col("person") & ~pl.col("answered")).sum().alias("human_only"),
        (~pl.col("person") & pl.col("answered")).sum().alias("model_only"),
    ).collect()
    return replace(
        shadow,
        frame=both.filter(pl.col("answered") & pl.col("person")).drop("answered", "person"),
        model=one,
        human_only=int(lost["human_only"][0]),
        model_only=int(lost["model_only"][0]),
    )


def _which(names: Sequence[str]) -> UsageError:
    return UsageError(
        "several models decide in these logs",
        "the column of the raters",
        f"choose one: --model {' | '.join(names)}",
    )


def _no_model(name: str, names: Sequence[str]) -> UsageError:
    do = (
        f"choose one of: {', '.join(names)}"
        if names
        else "name it: --model-rater RATER, or --model-column COLUMN"
    )
    return UsageError(f"no model '{name}' decides in these logs", "the column of the raters", do)
