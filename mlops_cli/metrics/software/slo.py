"""slo-burn: how fast the error budget of an objective burns."""

import numpy as np
import polars as pl

from mlops_cli.config.alarms import Slo
from mlops_cli.logs.leaves import LEAF
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.objectives import burn, good_rows, objectives
from mlops_cli.metrics.rows import COLUMNS, NO_ROWS, finish, nothing


def compute(context: Context) -> pl.DataFrame:
    """One series an objective, its metric's code as the field."""
    if not objectives(context.settings):
        return nothing(context, "software", "no objective is set: { slo = { good = ..., target = ... } }")
    frames = [pl.DataFrame(schema=COLUMNS)]
    for code, slo in objectives(context.settings).items():
        frames.append(_one(context, code, slo).select(list(COLUMNS)))
    return pl.concat(frames)


def _one(context: Context, code: str, slo: Slo) -> pl.DataFrame:
    ids = context.tables.ids(column=f"{LEAF}{good_rows(slo)}")
    if not ids:
        why = f"no log has the columns of {slo.good}"
        return nothing(context, "software", why).with_columns(field=pl.lit(code))
    grid = context.tables.of(ids).filter(pl.col("segment") == "")
    parts = grid.partition_by("model", "component", maintain_order=True)
    frames = [_series(context, code, slo, part) for part in parts]
    return finish(pl.concat(frames), "software")


def _series(context: Context, code: str, slo: Slo, part: pl.DataFrame) -> pl.DataFrame:
    rows = part["n"].to_numpy().astype(np.float64)
    length = float(np.median(np.subtract(context.ends, context.windows))) / 1e6
    keys = part.select("model", "component", "window", "n").with_columns(field=pl.lit(code))
    if not context.current.spec.window.seconds:
        none = pl.lit(None, pl.Float64)
        return keys.with_columns(value=none, note=pl.lit(""), why=pl.lit("one window tells no speed"))
    found = burn(slo, length, rows - part["sum"].to_numpy(), rows)
    said = [
        f"{rate:.3g} times too fast over {_span(span)}; {left:.0%} of the budget of {slo.period} left"
        for rate, span, left in zip(found.rate, found.span, found.left, strict=True)
    ]
    return keys.with_columns(
        value=pl.when(pl.col("n") > 0).then(pl.Series(found.speed)),
        note=pl.Series(said),
        why=pl.when(pl.col("n") == 0).then(pl.lit(NO_ROWS)),
    )


def _span(length: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if length >= size:
            return f"{length / size:.3g} {unit}"
    return f"{length:.3g} s"


METRIC = Metric(
    group="software",
    unit="speed",
    direction="up",
    help="How fast the error budget of an objective burns, of the speed that is an alarm",
    formula="share of rows that are not good / (1 - target), over a long and a short window at once, by the "
    "speed at which 2 % of the budget are gone in 1/720 of the period, or 5 % in 1/120 (alarm); or 10 % in "
    "1/10 (warning)",
    source="Beyer et al. (2018), The Site Reliability Workbook, 5",
    remedies=(
        "See which rows are not good, and with which release or host they began: mlops rows",
        "Slow down releases while the budget is nearly spent",
    ),
    compute=compute,
)
