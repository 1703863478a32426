"""The record of what was estimated before labels came: a table, and a line of what held."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from mlops_cli.cli.steps import Counted
from mlops_cli.cli.tables import short
from mlops_cli.judge.say import moment
from mlops_cli.metrics.estimates import ASSUMES
from mlops_cli.metrics.estimates import ESTIMATES as FRAME
from mlops_cli.metrics.registry import METRICS
from mlops_cli.result.report import Table
from mlops_cli.result.scope import iso
from mlops_cli.result.tables import ESTIMATES

ROWS = 2_000  # some 300 KB of JSON
CAPTION = "what was estimated without labels, and what the labels said; the latest windows first"


def estimates_table(counted: Sequence[Counted]) -> Table:
    """`estimates`, as `result/tables.py` has its columns; without what has no estimate at all."""
    rows: list[tuple[Any, ...]] = []
    for one in counted:
        frame = _of(one)
        told = frame.filter(pl.col("estimate").is_not_null())
        told = told.sort("window", "model", "segment", "metric", descending=[True, False, False, False])
        for r in told.head(ROWS).iter_rows(named=True):
            r |= {
                "window": iso(moment(r["window"])),
                "metric": f"estimated-{r['metric']}",
                **{k: short(r[k]) for k in ("estimate", "low", "high", "realised")},
            }
            rows.append(tuple(r[c] for c in ESTIMATES))
    return Table("estimates", CAPTION, ESTIMATES, tuple(rows[:ROWS]))


def estimates_notes(counted: Sequence[Counted]) -> list[str]:
    """How many bands held, what was assumed, and which correction a backtest chose."""
    out = []
    for one in counted:
        frame = _of(one).filter((pl.col("segment") == "") & pl.col("estimate").is_not_null())
        for (model,), part in frame.partition_by("model", maintain_order=True, as_dict=True).items():
            out += _notes(one, str(model), part)
    return out


def _notes(one: Counted, model: str, frame: pl.DataFrame) -> list[str]:
    of = f" of {model}" if model else ""
    known = frame.filter(pl.col("withdrawn").is_null() & pl.col("inside").is_not_null())
    held = known.group_by("window").agg(pl.col("inside").all())["inside"]
    late = frame.filter(~pl.col("known"))
    if known.is_empty() and late.is_empty():
        return []
    said = f"estimates{of}: {int(held.sum())} of {len(held)} windows held" if len(held) else ""
    said = said or f"estimates{of}: no window of which something was estimated has labels yet"
    each = [
        f"{name} {int(part['inside'].sum())}"
        for (name,), part in known.partition_by("metric", maintain_order=True, as_dict=True).items()
    ]
    if len(each) > 1:
        said += f" ({', '.join(each)})"
    note = late["note"][-1] if late.height else ASSUMES
    out = [f"{said}; {note}"]
    choices = one.pairs.counts.get("learned-choices")
    told = None if choices is None else choices.filter(pl.col("model") == model)
    if late.height and told is not None and told.height:
        out += _backtest(of, told.row(0, named=True))
    return out


def _backtest(of: str, told: dict[str, Any]) -> list[str]:
    if told["brier_bucket"] is None:
        return []
    names = {"bucket": "score alone", "label": "score and fields", "weighted": "score, rows weighed"}
    brier = ", ".join(f"{said} {told[f'brier_{way}']:.4f}" for way, said in names.items())
    said = (
        f"estimates{of}: by a backtest on the baseline's blocks, weighed to look like now, "
        f"'{names[told['way']]}' was chosen (Brier score: {brier}; fields {told['fields']})"
    )
    return [said]


def _of(one: Counted) -> pl.DataFrame:
    if one.estimates is None:
        return pl.DataFrame(schema=FRAME)
    codes = {code.removeprefix("estimated-") for code in METRICS if code.startswith("estimated-")}
    frame = one.estimates.filter(pl.col("metric").is_in(list(codes)))
    return frame.with_columns(model=pl.lit(one.unit.name)) if one.unit.name else frame
