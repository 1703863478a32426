"""Custom: metrics of one's own, from the merged sums of their leaves."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.config.settings import Custom
from mlops_cli.logs.leaves import LEAF
from mlops_cli.metrics.formula import Formula, Leaf, parse
from mlops_cli.metrics.means import means
from mlops_cli.metrics.metric import MEASUREMENT, Context
from mlops_cli.metrics.rows import COLUMNS, NO_ROWS, finish, nothing, rates

Floats = NDArray[np.float64]
JOINED = "custom"  # name of the counts that hold the leaves over labelled predictions
KEYS = ("sid", "w", "model", "component", "segment", "window")


def formulas(customs: Mapping[str, Custom]) -> dict[str, Formula]:
    """Every custom metric, taken apart."""
    return {name: parse(one.expr, f"[metrics.custom.{name}] expr") for name, one in customs.items()}


def leaves(customs: Mapping[str, Custom]) -> dict[str, str]:
    """Row expression of every leaf that is to be added up → where it stands."""
    made = formulas(customs)
    return {
        leaf.sql: f"[metrics.custom.{name}] expr"
        for name, formula in made.items()
        if not customs[name].needs
        for leaf in formula.leaves
        if leaf.sql != "*"
    }


def joined(customs: Mapping[str, Custom]) -> dict[str, str]:
    """Row expression of every leaf over labelled predictions → where it stands."""
    made = formulas(customs)
    return {
        leaf.sql: f"[metrics.custom.{name}] expr"
        for name, formula in made.items()
        if customs[name].needs
        for leaf in formula.leaves
    }


def measure_customs(context: Context) -> pl.DataFrame:
    """Measurements of all custom metrics of the settings, as of the registered ones."""
    customs = context.settings.customs()
    frames = [pl.DataFrame(schema=MEASUREMENT)]
    for name, formula in formulas(customs).items():
        measured = _measure(context, customs[name], formula)
        frames.append(measured.select(pl.lit(name).alias("code"), *COLUMNS))
    return pl.concat(frames)


def _measure(context: Context, custom: Custom, formula: Formula) -> pl.DataFrame:
    if custom.needs:
        return _labelled(context, custom, formula)
    ids = {leaf: _field(context, leaf) for leaf in formula.leaves if leaf.sql != "*"}
    lost = next((leaf for leaf, found in ids.items() if found is None), None)
    if lost is not None:
        return nothing(context, custom.group, f"these logs lack a column of {lost.aggregate}({lost.sql})")
    kinds = {context.tables.fields[i].kind for i in ids.values() if i is not None}
    if len(kinds) > 1:
        lie = ", ".join(sorted(kinds))
        return nothing(context, custom.group, f"its columns lie in different logs: {lie}")
    served = (k for k in ("predictions", "requests") if k in context.tables.kinds())
    kind = kinds.pop() if kinds else next(served, "")
    rows = context.tables.of(context.tables.ids(kind=kind, type="rows"))
    if rows.is_empty():
        return nothing(context, custom.group, f"there is no log of {kind or 'predictions'}")
    mean = _mean_of(formula)
    if mean is not None and ids.get(mean) is not None:
        return _sampled(context.tables.of([ids[mean] or 0]), custom.group)
    return _arithmetic(context, custom, formula, ids, rows)


def _labelled(context: Context, custom: Custom, formula: Formula) -> pl.DataFrame:
    """The formula over the predictions of each window whose label has come."""
    sums = context.counts.get(JOINED)
    if sums is None or sums.is_empty():
        return nothing(context, custom.group, "no label can be joined to a prediction")
    starts = pl.DataFrame({"window": list(context.windows)}, schema={"window": pl.Int64})
    frame = sums.select("model").unique().sort("model").join(starts, how="cross", maintain_order="left_right")
    base = sums.filter(pl.col("window").is_in(list(context.baseline_starts)))
    base = base.group_by("model", "leaf").agg(
        pl.col("n", "told", "sum").sum(), pl.col("min").min(), pl.col("max").max()
    )
    for i, leaf in enumerate(formula.leaves):
        own = sums.filter(pl.col("leaf") == leaf.sql)
        mine = own.select("window", "model", _sum(leaf).alias(f"x{i}"), pl.col("n").alias(f"n{i}"))
        theirs = base.filter(pl.col("leaf") == leaf.sql).select("model", _sum(leaf).alias(f"x{i}_base"))
        frame = frame.join(mine, on=["window", "model"], how="left", maintain_order="left")
        frame = frame.join(theirs, on="model", how="left", maintain_order="left")
    n = pl.col("n0").fill_null(0)
    return finish(
        frame.with_columns(
            value=pl.when(n > 0).then(pl.Series(_values(formula, frame, ""))),
            reference=pl.Series(_values(formula, frame, "_base")),
            n=n,
            why=pl.when(n == 0).then(pl.lit("no label has come")),
        ),
        custom.group,
    )


def _sum(leaf: Leaf) -> pl.Expr:
    return {
        "SUM": pl.col("sum"),
        "COUNT": pl.col("n" if leaf.sql == "*" else "told"),
        "AVG": pl.col("sum") / pl.col("told"),
        "MIN": pl.col("min"),
        "MAX": pl.col("max"),
    }[leaf.aggregate].cast(pl.Float64)


def _field(context: Context, leaf: Leaf) -> int | None:
    return next(iter(context.tables.ids(column=f"{LEAF}{leaf.sql}")), None)


def _mean_of(formula: Formula) -> Leaf | None:
    """The leaf whose mean the formula is: its evidence is known."""
    return formula.leaves[0] if formula.plain and formula.leaves[0].aggregate == "AVG" else None


def _sampled(grid: pl.DataFrame, group: str) -> pl.DataFrame:
    """A mean of rows; of zeros and ones a share."""
    same = (pl.col("sum") - pl.col("sumsq")).abs() < 1e-6
    inside = (pl.col("min").fill_null(0) >= 0) & (pl.col("max").fill_null(0) <= 1)
    if not grid.select((same & inside).all()).item():
        return means(grid.drop("field", "name"), group)

    def told(side: str) -> pl.Expr:
        return pl.col(f"n{side}") - pl.col(f"nulls{side}") - pl.col(f"nans{side}") - pl.col(f"infs{side}")

    return rates(grid.drop("field", "name"), lambda s: pl.col(f"sum{s}").round(), told, group)


def _arithmetic(
    context: Context,
    custom: Custom,
    formula: Formula,
    ids: Mapping[Leaf, int | None],
    rows: pl.DataFrame,
) -> pl.DataFrame:
    """The formula on merged sums; no evidence is asked for."""
    frame = rows.select(*KEYS, "rows", "n", "n_base")
    for i, leaf in enumerate(formula.leaves):
        taken = rows if leaf.sql == "*" else context.tables.of([ids[leaf] or 0])
        columns = [_leaf(leaf, side).cast(pl.Float64).alias(f"x{i}{side}") for side in ("", "_base")]
        frame = frame.join(taken.select("sid", "w", *columns), on=["sid", "w"], how="left")
    value, reference = (_values(formula, frame, side) for side in ("", "_base"))
    known = pl.col("rows") > 0
    return finish(
        frame.with_columns(
            value=pl.when(known).then(pl.Series(value)),
            reference=pl.Series(reference),
            why=pl.when(~known).then(pl.lit(NO_ROWS)),
        ),
        custom.group,
    )


def _values(formula: Formula, frame: pl.DataFrame, side: str) -> Floats:
    names = [f"x{i}" for i in range(len(formula.leaves))]
    return formula.value({n: frame[f"{n}{side}"].fill_null(float("nan")).to_numpy() for n in names})


def _leaf(leaf: Leaf, side: str) -> pl.Expr:
    told = pl.col(f"n{side}") - pl.col(f"nulls{side}")
    finite = told - pl.col(f"nans{side}") - pl.col(f"infs{side}")
    if leaf.sql == "*":
        return pl.col(f"n{side}")
    return {
        "SUM": pl.col(f"sum{side}"),
        "COUNT": told,
        "AVG": pl.col(f"sum{side}") / finite,
        "MIN": pl.col(f"min{side}"),
        "MAX": pl.col(f"max{side}"),
    }[leaf.aggregate]
