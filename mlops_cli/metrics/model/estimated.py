"""estimated-auc, -accuracy, -f1: how good the answers probably are before their labels come."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from mlops_cli.metrics.labelled import MATURE, Labels, Table
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.performance import SCHEMA, unfit
from mlops_cli.metrics.rows import finish, nothing
from mlops_cli.stats.calibration import BLOCKS, NOVEL_SHARE, RECORD, Part, Reference, expected, novel

Key = tuple[str, str]
ODD = 0.01  # of the predictions on the wrong side of the cut: they are no cut of the score
BINS = 32
LAST = 20  # windows of which is checked what was estimated


def reference(labels: Labels, key: Key) -> tuple[Reference | None, str]:
    """Labelled blocks of the baseline, or why none can serve."""
    blocks = [t for t in labels.blocks(key) if t.yes.sum() + t.no.sum() > 0]
    if len(blocks) < BLOCKS[0]:
        return (
            None,
            f"cannot be estimated (reference-too-small): {len(blocks)} labelled windows of {BLOCKS[0]}",
        )
    every, called = (np.sum([getattr(t, n) for t in blocks], axis=0) for n in ("every", "called"))
    cut = int(np.argmin([_wrong(every, called, c) for c in range(len(every) + 1)]))
    groups = np.array_split(np.arange(len(blocks)), min(len(blocks), BLOCKS[1]))
    rows = np.array([np.sum([blocks[i].yes + blocks[i].no for i in g], axis=0) for g in groups])
    yes = np.array([np.sum([blocks[i].yes for i in g], axis=0) for g in groups])
    found = Reference(rows, yes, cut)
    if found.lacking:
        return None, f"cannot be estimated ({found.lacking})"
    if _wrong(every, called, cut) > ODD * every.sum():
        return found, "the predictions are no cut of the score"
    return found, ""


def _wrong(every: np.ndarray, called: np.ndarray, cut: int) -> float:
    return float(called[:cut].sum() + (every - called)[cut:].sum())


def withdrawn(labels: Labels, key: Key, found: Reference, before: Sequence[int], now: Table) -> str:
    """Why an estimate of a window is not shown; empty where it is."""
    share = novel(*_binned(now.every, found.rows.sum(axis=0)))
    if share > NOVEL_SHARE:
        return f"cannot be estimated (no-support): {share:.0%} of the scores are where the baseline had none"
    inside = [held for w in before[-LAST:] if (held := _held(labels, key, found, w)) is not None]
    last = inside[-RECORD[0] :]
    if len(last) - sum(last) >= RECORD[1]:
        return (
            f"cannot be estimated (track-record): of the last {len(last)} windows with labels "
            f"{len(last) - sum(last)} lay outside their band"
        )
    return ""


def _held(labels: Labels, key: Key, found: Reference, window: int) -> bool | None:
    """Whether the labels of a window came out within the band; None: they are not in."""
    table = labels.at(key, window, labels.age(window))
    if table is None or not mature(labels, key, window, table):
        return None
    parts = found.estimate(table.yes + table.no)
    truth = expected(table.yes, table.no, found.cut).values
    gaps = [
        abs(truth[n] - parts[n].value) <= parts[n].half for n in ("auc", "accuracy") if np.isfinite(truth[n])
    ]
    return all(gaps)


def mature(labels: Labels, key: Key, window: int, table: Table) -> bool:
    """As many of its rows have a label as the baseline's ever had, nearly."""
    if labels.age(window) < 0:
        return False
    base = labels.base(key, 99)
    usual = base.labelled / base.rows if base is not None and base.rows else 1.0
    return table.rows > 0 and table.labelled / table.rows >= MATURE * usual


def _binned(current: np.ndarray, reference_: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in the reference's quantile bins."""
    total = np.cumsum(reference_) / max(reference_.sum(), 1.0)
    place = np.minimum((total * BINS).astype(np.int64), BINS - 1)
    low = np.flatnonzero(reference_ > 0)
    place = place + 1
    if len(low):
        place[: low[0]], place[low[-1] + 1 :] = 0, BINS + 1
    return tuple(np.bincount(place, w, BINS + 2) for w in (current, reference_))  # type: ignore[return-value]


def _estimates(context: Context, labels: Labels, name: str) -> list[dict[str, Any]]:
    rows = []
    for key in labels.series:
        found, why = reference(labels, key)
        usual = (
            expected(found.positives.sum(0), (found.rows - found.positives).sum(0), found.cut).values
            if found
            else {}
        )
        before: list[int] = []
        for window in context.windows:
            row: dict[str, Any] = {"model": key[0], "segment": key[1], "window": window, "n": 0, "test": ""}
            table = labels.at(key, window, labels.age(window))
            if found is None or (why and name != "auc"):
                row["why"] = why
            elif table is None or not table.every.sum():
                row["why"] = "no rows"
            elif mature(labels, key, window, table):
                before.append(window)
                continue  # there is nothing to estimate
            else:
                row["why"] = withdrawn(labels, key, found, before, table) or None
                part: Part = found.estimate(table.every)[name]
                row |= {
                    "value": None if row["why"] else part.value,
                    "low": part.value - part.half,
                    "high": part.value + part.half,
                    "reference": usual[name],
                    "n": int(table.every.sum()),
                    "note": "assumes that the relation of inputs and label has not changed",
                }
            before.append(window)
            rows.append(row)
    return rows


def _metric(name: str, said: str) -> Metric:
    def compute(context: Context) -> pl.DataFrame:
        why = unfit(context, "score")
        if context.labels is None or why:
            return nothing(context, "model", why)
        rows = _estimates(context, context.labels, name)
        if not rows:
            return nothing(context, "model", f"the labels of all windows are in: see {name}")
        return finish(pl.DataFrame(rows, schema=SCHEMA, orient="row"), "model")

    return Metric(
        group="model",
        unit="share" if name == "accuracy" else "score",
        direction="down",
        help=f"{said} that is to be expected before the labels come",
        formula="scores calibrated on the baseline's labels by isotonic regression on counts; the band adds "
        "chance, calibration (blocks of time left out) and what a backtest missed. Withdrawn where the "
        "scores are new or the last bands did not hold. It cannot see that inputs and labels are related "
        "otherwise than before",
        source="Ayer et al. (1955), Annals of Mathematical Statistics 26 (isotonic regression)",
        remedies=(
            "Get labels for a sample of these rows: they alone show it for sure",
            "See which inputs drift at the same time",
        ),
        compute=compute,
        needs=("label", "score"),
    )


AUC = _metric("auc", "Chance that a positive scores above a negative")
ACCURACY = _metric("accuracy", "Share of right answers")
F1 = _metric("f1", "F1")
