"""label-selection: whether the rows that got a label are like those that did not."""

from typing import Any

import numpy as np
import polars as pl

from mlops_cli.metrics.labelled import Key, Labels
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.performance import SCHEMA, unfit
from mlops_cli.metrics.rows import finish, nothing
from mlops_cli.metrics.selection import LEAST

IMMATURE = "most of its labels may still come"
FEW = f"fewer than {LEAST} rows with a label, or without one"


def _rows(labels: Labels, key: Key, windows: tuple[int, ...]) -> list[dict[str, Any]]:
    starts, found = labels.selection(key)
    out = []
    for field, one in found.items():
        for window in windows:
            place = {"model": key[0], "segment": key[1], "field": field, "window": window, "n": 0}
            if window not in starts:
                out.append({**place, "test": "chi2", "why": IMMATURE})
                continue
            i = starts.index(window)
            known = bool(np.isfinite(one.square[i]))
            table = labels.at(key, window, labels.age(window))
            rows, full = (round(table.rows), table.labelled >= table.rows) if table else (0, False)
            size = float(np.sqrt(max(one.square[i], 0.0))) if known else None
            if full:
                size = 0.0  # there is nothing that could have been chosen
            out.append(
                {
                    **place,
                    "n": rows,
                    "value": size,
                    "why": None if size is not None else FEW,
                    "test": "chi2",
                    "a": float(one.statistic[i]) if known else 0.0,
                    "b": float(one.degrees[i]) if known else 1.0,
                }
            )
    return out


def _compute(context: Context) -> pl.DataFrame:
    why = unfit(context, "classes")
    labels = context.labels
    if labels is None or why:
        return nothing(context, "model", why)
    rows = [r for key in labels.series if not key[1] for r in _rows(labels, key, context.windows)]
    if not rows:
        return nothing(context, "model", "no window is mature: most labels may still come")
    return finish(pl.DataFrame(rows, schema={**SCHEMA, "field": pl.String}, orient="row"), "model")


METRIC = Metric(
    group="model",
    unit="distance",
    direction="up",
    help="How far rows with a label lie from those without one, in score and prediction",
    formula="root of the Jensen-Shannon divergence (bits) less what chance alone gives, in mature windows. "
    "From 0.05 on over all of them the model's figures are weighed: post-stratified by score and prediction",
    source="Lin (1991), IEEE Transactions on Information Theory 37; Kish (1965), Survey Sampling",
    remedies=(
        "See who decides what is labelled, and label a random sample beside it",
        "Read the model's figures with their blind-share: rows that are like none with a label are not known",
    ),
    compute=_compute,
    needs=("label",),
)
