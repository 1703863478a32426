"""Joined leaves: row expressions over predictions and their labels, added up by window and model."""

from collections.abc import Mapping, Sequence

import polars as pl

from mlops_cli.errors import UsageError, nearest
from mlops_cli.logs.canon import FEATURE, KINDS
from mlops_cli.logs.expressions import available
from mlops_cli.logs.format import Part
from mlops_cli.logs.join import FEEDBACK, shared_id, with_feedback
from mlops_cli.logs.leaves import columns_of
from mlops_cli.profile.clock import starts_of
from mlops_cli.profile.spec import WindowSpec

SUMS = {
    "window": pl.Int64,
    "model": pl.String,
    "leaf": pl.String,
    "n": pl.Int64,  # predictions whose label has come
    "told": pl.Int64,  # of them, those for which the expression has a value
    "sum": pl.Float64,
    "min": pl.Float64,
    "max": pl.Float64,
}
YES, NO = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")


def joined_leaves(parts: Sequence[Part], expressions: Mapping[str, str], window: WindowSpec) -> pl.DataFrame:
    """The sums of each expression over the labelled predictions of every window.

    Parameters
    ----------
    parts : of all kinds
    expressions : SQL over the columns of predictions and `label`, or `*` → where it stands, for errors
    window : the windows, by the time of the prediction

    Returns
    -------
    frame of SUMS; empty where predictions and labels share no id

    """
    predictions = [p for p in parts if p.kind == "predictions"]
    feedback = [p for p in parts if p.kind == "feedback" and "label" in available(p)]
    none = pl.DataFrame(schema=SUMS)
    if not expressions or not predictions or not feedback or not shared_id(predictions, feedback):
        return none
    have = {n.removeprefix(FEATURE): n for p in predictions for n in available(p)}
    reads = {sql: _reads(sql, have, where) for sql, where in expressions.items()}
    wanted = sorted({have[n] for names in reads.values() for n in names if n not in FEEDBACK})
    out = []
    for joined in with_feedback(predictions, feedback, ["model", *wanted]):
        rows = joined.frame.filter(pl.col("label").is_not_null())
        rows = rows.rename({n: n.removeprefix(FEATURE) for n in rows.columns if n.startswith(FEATURE)})
        rows = _windowed(_truths(rows), window)
        out += [_added(rows, sql, where) for sql, where in expressions.items()]
    sums = (
        pl.concat([none, *out])
        .group_by("window", "model", "leaf")
        .agg(pl.col("n", "told", "sum").sum(), pl.col("min").min(), pl.col("max").max())
    )
    return sums.select(list(SUMS)).sort("window", "model", "leaf")


def _reads(sql: str, have: Mapping[str, str], where: str) -> list[str]:
    names = [] if sql == "*" else columns_of(sql, where)
    for name in names:
        if name not in have and name not in FEEDBACK:
            known = [*have, *KINDS["feedback"]]
            near = nearest(name, known)
            offer = f"write '{near}'?" if near else f"columns here: {', '.join(known[:20])}"
            raise UsageError(f"no log has the column '{name}'", where, offer)
    return names


def _truths(rows: pl.DataFrame) -> pl.DataFrame:
    """Outputs and labels that are yes or no as booleans, so that `label AND NOT prediction` can be said."""
    for name in ("label", "prediction"):
        if name in rows.columns and rows.schema[name] != pl.Boolean:
            words = rows[name].cast(pl.String).str.to_lowercase()
            if words.drop_nulls().is_in([*YES, *NO]).all():
                rows = rows.with_columns(words.is_in(YES).alias(name))
    return rows


def _windowed(rows: pl.DataFrame, window: WindowSpec) -> pl.DataFrame:
    if not window.seconds:
        return rows.with_columns(window=pl.lit(0, pl.Int64))
    timed = rows.filter(pl.col("timestamp").is_not_null())
    at = timed["timestamp"].to_physical().cast(pl.Int64).to_numpy()
    return timed.with_columns(pl.Series("window", starts_of(at, window), pl.Int64))


def _added(rows: pl.DataFrame, sql: str, where: str) -> pl.DataFrame:
    value = pl.lit(1.0) if sql == "*" else pl.sql_expr(sql).cast(pl.Float64)
    try:
        told = rows.select("window", pl.col("model").cast(pl.String).fill_null(""), it=value)
    except pl.exceptions.PolarsError as error:
        first = str(error).splitlines()[0]
        raise UsageError(
            f"a row expression does not fit the columns: {first}", where, f"see: {sql}"
        ) from None
    finite = pl.col("it").filter(pl.col("it").is_finite())
    return (
        told.group_by("window", "model")
        .agg(
            n=pl.len().cast(pl.Int64),
            told=finite.len().cast(pl.Int64),
            sum=finite.sum(),
            min=finite.min(),
            max=finite.max(),
        )
        .with_columns(leaf=pl.lit(sql))
        .select(pl.col(name).cast(dtype) for name, dtype in SUMS.items())
    )
