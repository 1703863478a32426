"""Decisions of people joined with the predictions they were made beside, and with what came true.

Only predictions that people decided on are kept in memory: as many rows as there are decisions.
"""

from collections.abc import Sequence

import polars as pl

from mlops_cli.errors import DataError
from mlops_cli.logs.canon import FEATURE
from mlops_cli.logs.expressions import available, expression
from mlops_cli.logs.format import Logs, Part
from mlops_cli.logs.shadow import SEGMENT, Shadow, of_model
from mlops_cli.logs.told import source

KEY = ("request_id", "row")
# canonical name in the kind → name in a frame of both sides
PEOPLE = {
    "timestamp": "time",
    "rater": "rater",
    "decision": "human",
    "human_saw_model": "saw",
    "seconds": "seconds",
}
MODEL = {
    "prediction": "model",
    "score": "confidence",
    "model_version": "version",
    "model": "name",
    "timestamp": "asked",
}
TRUTH = {"label": "outcome", "label_time": "known"}


def joined(logs: Logs, segments: Sequence[str], model: str) -> Shadow:
    """People's decisions with the model's on the same request and row, and the last label of each.

    Parameters
    ----------
    logs : with predictions, decisions and, where outcomes are known, feedback
    segments : columns of the predictions (features too) to slice by
    model : which of several models

    Raises
    ------
    DataError
        Where there are no decisions of people, or none of the model, or nothing to join them by.

    """
    decisions, predictions = logs.of("decisions"), logs.of("predictions")
    if not decisions or not predictions:
        missing = "decisions of people" if not decisions else "predictions"
        raise DataError(
            f"these logs hold no {missing}",
            ", ".join(f.shown for f in logs.files[:3]),
            "name a log with both, or say which column is what: --human-column, --model-column",
        )
    people = _side(decisions, PEOPLE).filter(pl.col("request_id").is_not_null()).collect(engine="streaming")
    if not people.height:
        raise DataError(
            "people's decisions name no request",
            ", ".join(p.source.shown for p in decisions[:3]),
            "in the columns of its source write request_id = the column that names it",
        )
    keys = people.select(KEY).unique()
    slices = {s: _source(predictions, s) for s in segments}
    names = {**MODEL, **{source: SEGMENT + s for s, source in slices.items()}}
    machine = _mine(_side(predictions, names), keys)
    order = [c for c in ("asked", *sorted(machine.columns)) if c in machine.columns and c not in KEY]
    machine = machine.sort(*KEY, *dict.fromkeys(order), nulls_last=True).unique(
        KEY, keep="first", maintain_order=True
    )
    machine = machine.drop("asked", strict=False).with_columns(pl.lit(value=True).alias("found"))
    both = people.join(machine, on=KEY, how="left")
    human_only = both.filter(pl.col("found").is_null()).select(pl.struct(KEY).n_unique()).item()
    both = both.filter(pl.col("found")).drop("found")
    feedback = [p for p in logs.of("feedback") if "label" in available(p)]
    if feedback:
        both = both.join(_truth(feedback, keys), on=KEY, how="left")
    row = pl.when(pl.col("row") > 0).then(pl.format("{}#{}", "request_id", "row"))
    frame = both.with_columns(pl.coalesce(row, "request_id").alias("item")).drop(KEY)
    shadow = Shadow(
        frame.lazy(),
        model,
        tuple(segments),
        sampled=True,
        human_only=int(human_only),
        sources=tuple(source(p) for p in (*predictions, *decisions, *feedback)),
        bad=tuple(b for p in (*predictions, *decisions, *feedback) for b in p.bad),
        notes=logs.notes,
    )
    return of_model(shadow, model) if "name" in frame.columns else shadow


def _side(parts: Sequence[Part], names: dict[str, str]) -> pl.LazyFrame:
    """The key and the wanted columns of all parts that have it; a part that lacks a column has nulls."""
    frames = []
    for part in parts:
        have = available(part)
        if "request_id" not in have:
            continue
        row = expression(part, "row") if "row" in have else pl.lit(None)
        columns = [expression(part, n).alias(to) for n, to in names.items() if n in have]
        frames.append(
            pl.scan_parquet(part.path, glob=False).select(
                expression(part, "request_id"), row.cast(pl.UInt32()).fill_null(0).alias("row"), *columns
            )
        )
    if not frames:
        return pl.LazyFrame(schema={"request_id": pl.String(), "row": pl.UInt32()})
    return pl.concat(frames, how="diagonal_relaxed")


def _mine(side: pl.LazyFrame, keys: pl.DataFrame) -> pl.DataFrame:
    return side.join(keys.lazy(), on=KEY, how="semi").collect(engine="streaming")


def _truth(feedback: Sequence[Part], keys: pl.DataFrame) -> pl.DataFrame:
    """The last label of each request and row."""
    labels = _mine(_side(feedback, TRUTH), keys).filter(pl.col("outcome").is_not_null())
    order = [n for n in ("known", "outcome") if n in labels.columns]
    last = labels.sort(*KEY, *order, nulls_last=False).unique(KEY, keep="last", maintain_order=True)
    return last.select(*KEY, "outcome")


def _source(predictions: Sequence[Part], segment: str) -> str:
    """A slice's canonical name: a feature unless it is a column of the kind."""
    names = set().union(*(available(p) for p in predictions))
    for name in (segment, FEATURE + segment):
        if name in names:
            return name
    known = sorted(n.removeprefix(FEATURE) for n in names)
    raise DataError(
        f"no column '{segment}' in the predictions",
        "--segment",
        f"name one of: {', '.join(known[:20])}",
    )
