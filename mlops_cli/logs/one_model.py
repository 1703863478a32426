"""Whose the records are that name no model: access logs, spans and gauges beside one model's predictions."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from mlops_cli.logs.expressions import available, expression
from mlops_cli.logs.format import Logs, Part

KINDS = ("requests", "spans", "gauges", "feedback", "decisions")


def of_one_model(logs: Logs) -> Logs:
    """The logs; where all predictions that name a model name the same, what names none is of it, too.

    Without this the software of a model would be told of apart from the model, as that of one without a name.
    """
    lost = [_nameless(p) for p in logs.parts]
    name = _only_name(logs.of("predictions")) if any(lost) else ""
    if not name:
        return logs
    parts = [
        replace(p, source=replace(p.source, model=name)) if mine else p
        for p, mine in zip(logs.parts, lost, strict=True)
    ]
    kinds = ", ".join(dict.fromkeys(p.kind for p, mine in zip(parts, lost, strict=True) if mine))
    note = f"{kinds} that name no model are taken as those of {name}, the only model that predictions name"
    return replace(logs, parts=tuple(parts), notes=(*logs.notes, note))


def _nameless(part: Part) -> bool:
    return part.kind in KINDS and part.rows > 0 and not part.source.model and "model" not in available(part)


def _only_name(predictions: Sequence[Part]) -> str:
    """The one name that they have; empty where they have none, or several."""
    names: set[str] = set()
    for part in predictions:
        if "model" not in available(part):
            names |= {part.source.model} - {""}
            continue
        model = pl.scan_parquet(part.path, glob=False).select(expression(part, "model").alias("model"))
        found = model.unique().head(3).collect(engine="streaming")["model"]
        names |= {str(one) for one in found if one is not None and one != ""}
        if len(names) > 1:
            return ""
    return names.pop() if len(names) == 1 else ""
