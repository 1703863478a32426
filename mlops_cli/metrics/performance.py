"""A figure of each series and window beside the baseline's at the same age → measurements."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from mlops_cli.metrics.labelled import Labels, Table
from mlops_cli.metrics.metric import Context
from mlops_cli.metrics.rows import finish, nothing
from mlops_cli.metrics.selection import BLIND
from mlops_cli.stats.proportion import wilson

LEVEL = 0.95
DEVIATE = 1.959964
NO_LABEL = "no prediction of this window has a label yet"


@dataclass(frozen=True)
class Figure:
    """A value with its interval; `k` of `n` where it is a share of rows; why there is none."""

    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    n: float = 0.0
    k: float | None = None
    why: str = ""
    note: str = ""

    @property
    def se(self) -> float:
        """Of the value, from its interval."""
        return (self.high - self.low) / 2 / DEVIATE


Take = Callable[[Table, Labels], Figure]


def share(k: float, n: float, why: str) -> Figure:
    """So many of n rows."""
    if n <= 0:
        return Figure(why=why)
    low, high = wilson(k, n, LEVEL)
    return Figure(k / n, float(low), float(high), n, k)


def performance(context: Context, take: Take, wants: str) -> pl.DataFrame:
    """A figure in every window.

    Parameters
    ----------
    context : with the counts of labels
    take : the figure of a table
    wants : classes, two (classes), score (two, with a score), quantity, or any

    """
    labels = context.labels
    why = unfit(context, wants)
    if labels is None or why:
        return nothing(context, "model", why)
    rows, asked = [], wants == "any"
    for model, segment in labels.series:
        bases: dict[int, Figure | None] = {}  # by age
        for window in context.windows:
            place = {"model": model, "segment": segment, "window": window}
            key = (model, segment)
            early = labels.young(key, window) if not asked or labels.age(window) < 0 else ""
            told = {"why": early, "n": 0, "test": "z"} if early else _row(labels, key, window, take, bases)
            rows.append({**place, **told})
    return finish(pl.DataFrame(rows, schema=SCHEMA, orient="row"), "model")


SCHEMA = {
    "model": pl.String,
    "segment": pl.String,
    "window": pl.Int64,
    **dict.fromkeys(("value", "low", "high", "reference", "a", "b", "c"), pl.Float64),
    "n": pl.Int64,
    "test": pl.String,
    "why": pl.String,
    "note": pl.String,
}


def unfit(context: Context, wants: str) -> str:
    """Why these labels cannot give such a figure; empty where they can."""
    labels = context.labels
    if labels is None:
        return context.unavailable.get("label-cells", "there is no label in these logs")
    scored = not labels.quantity and bool((labels.inputs.cells["bucket"] >= 0).any())
    lacks = {
        "classes": "the labels are quantities" if labels.quantity else "",
        "two": "" if not labels.quantity and labels.binary else "the labels are not of two classes",
        "score": ""
        if labels.binary and scored
        else "there is no score in [0, 1] beside labels of two classes",
        "quantity": "" if labels.quantity else "the labels are classes, no quantities",
    }
    return lacks.get(wants, "")


def _row(
    labels: Labels, key: tuple[str, str], window: int, take: Take, bases: dict[int, Figure | None]
) -> dict[str, Any]:
    age = labels.age(window)
    table = labels.at(key, window, age)
    if table is None or table.labelled <= 0:
        return {"why": NO_LABEL if table is not None else "no rows", "n": 0, "test": "z"}
    if age not in bases:
        bases[age] = _base(labels, key, age, take)
    return beside(weighed(take(table, labels), table), bases[age])


def weighed(figure: Figure, table: Table) -> Figure:
    """The figure with what was weighed; unknown where too many rows are like none with a label."""
    if table.effective == 1.0 and not table.blind:
        return figure
    blind = f"blind-share {table.blind:.1%}"
    if table.blind <= BLIND:
        said = f"post-stratified as labels were chosen: {blind}, effective-share {table.effective:.1%}"
        return replace(figure, note=f"{figure.note}; {said}" if figure.note else said)
    why = f"{blind}: so many rows are like none that has a label"
    if figure.k is not None and figure.n > 0:
        low = figure.k / figure.n * (1 - table.blind)
        why += f"; it lies between {low:.1%} and {low + table.blind:.1%}"
    return Figure(n=figure.n, why=why)


def _base(labels: Labels, key: tuple[str, str], age: int, take: Take) -> Figure | None:
    table = labels.base(key, age)
    figure = weighed(take(table, labels), table) if table is not None and table.labelled > 0 else None
    return figure if figure is not None and np.isfinite(figure.value) else None


def beside(mine: Figure, base: Figure | None) -> dict[str, Any]:
    """The columns of a measurement: value, reference, evidence."""
    out: dict[str, Any] = {
        "value": mine.value,
        "low": mine.low,
        "high": mine.high,
        "n": round(mine.n),
        "reference": base.value if base else None,
        "why": mine.why or None,
        "note": mine.note or None,
        "test": "z",
    }
    if mine.k is not None:
        return {
            **out,
            "test": "proportion",
            "a": mine.k,
            "b": base.k if base else None,
            "c": base.n if base else None,
        }
    if base is not None:
        spread = float(np.hypot(mine.se, base.se))
        out["a"] = (mine.value - base.value) / spread if spread > 0 else 0.0
    return out
