"""What estimates the figures of a window without its labels: of two classes, of more, of quantities."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.metrics.labelled import Key, Labels, Table
from mlops_cli.profile.labelled import BUCKETS, NEVER
from mlops_cli.stats.calibration import BLOCKS, Part, Reference, expected
from mlops_cli.stats.classes import ClassReference, metrics
from mlops_cli.stats.loss_model import FOLDS, TERMS, Asked, Known, mean_error, root_mean_square

Floats = NDArray[np.float64]
CANNOT = "cannot be estimated"
NO_SCORE = f"{CANNOT} (no-score): there are predictions, but no score in [0, 1] beside them"
ODD = 0.01  # of the predictions on the wrong side of the cut: they are no cut of the score
ROUGH = "prediction only"
LEAST = 100  # labelled rows of the baseline without which an error is not estimated


class Guess(NamedTuple):
    """A value and half of its 95 % band; NaN: it has none."""

    value: float
    half: float


@dataclass(frozen=True)
class Estimator:
    """Of one series.

    Parameters
    ----------
    why : it can estimate nothing; else empty
    names : of the metrics that it estimates
    usual : the baseline's values
    estimate : window and its counts → guesses by metric
    truth : counts with all labels → values by metric
    way : how, in a word or two
    only : metric → why this one cannot be estimated though others can
    scores : (B,) rows of the baseline by bucket of the score; none of quantities

    """

    why: str = ""
    names: tuple[str, ...] = ()
    usual: Mapping[str, float] = field(default_factory=dict)
    estimate: Callable[[int, Table], Mapping[str, Guess]] = lambda _w, _t: {}
    truth: Callable[[int, Table], Mapping[str, float]] = lambda _w, _t: {}
    way: str = ""
    only: Mapping[str, str] = field(default_factory=dict)
    scores: Floats | None = None


def estimator(labels: Labels, key: Key, learned: Mapping[str, pl.DataFrame]) -> Estimator:
    """What fits the labels of a series."""
    if labels.quantity:
        return _of_quantities(key, learned)
    if not bool((labels.inputs.cells["bucket"] >= 0).any()):
        return Estimator(NO_SCORE)
    if labels.binary:
        return _of_two(labels, key, learned)
    return _of_classes(labels, key)


def _small(what: str) -> Estimator:
    return Estimator(f"{CANNOT} ({what})")


def _few(windows: int) -> Estimator:
    return _small(f"reference-too-small: {windows} labelled windows, {BLOCKS[0]} needed")


def _blocks(windows: int) -> list[NDArray[np.intp]]:
    """Windows side by side, in as many blocks of time as a backtest needs at most."""
    return np.array_split(np.arange(windows), min(windows, BLOCKS[1]))


def _wrong(every: Floats, called: Floats, cut: int) -> float:
    return float(called[:cut].sum() + (every - called)[cut:].sum())


def _of_two(labels: Labels, key: Key, learned: Mapping[str, pl.DataFrame]) -> Estimator:
    blocks = [t for t in labels.blocks(key) if t.yes.sum() + t.no.sum() > 0]
    if len(blocks) < BLOCKS[0]:
        return _few(len(blocks))
    every, called = (np.sum([getattr(t, n) for t in blocks], axis=0) for n in ("every", "called"))
    cut = int(np.argmin([_wrong(every, called, c) for c in range(len(every) + 1)]))
    groups = _blocks(len(blocks))
    rows = np.array([np.sum([blocks[i].yes + blocks[i].no for i in g], axis=0) for g in groups])
    yes = np.array([np.sum([blocks[i].yes for i in g], axis=0) for g in groups])
    found = Reference(rows, yes, cut)
    if found.lacking:
        return _small(found.lacking)
    shifts, way = _shifts(labels, key, learned)

    def estimate(window: int, table: Table) -> Mapping[str, Guess]:
        moved = shifts.get(window, {})
        parts = found.estimate(table.every, moved.get(way), moved.get("label"))
        return {name: Guess(part.value, part.half) for name, part in parts.items()}

    odd = _wrong(every, called, cut) > ODD * every.sum()
    told = f"{CANNOT} (no-score): the predictions are no cut of the score"
    return Estimator(
        names=("auc", "accuracy", "f1"),
        usual=expected(yes.sum(0), (rows - yes).sum(0), cut).values,
        estimate=estimate,
        truth=lambda _, t: expected(t.yes, t.no, cut).values,
        way=way,
        only={"accuracy": told, "f1": told} if odd else {},
        scores=rows.sum(axis=0),
    )


def _shifts(
    labels: Labels, key: Key, learned: Mapping[str, pl.DataFrame]
) -> tuple[dict[int, dict[str, Floats]], str]:
    """By window what each way of correction adds to the rates; the way that the backtest chose."""
    choices, frame = learned.get("learned-choices"), learned.get("learned-shifts")
    if choices is None or frame is None:
        return {}, "bucket"
    own = choices.filter((pl.col("model") == key[0]) & (pl.col("positive") == labels.classes[-1]))
    if own.is_empty():
        return {}, "bucket"
    told = own.row(0, named=True)
    way = str(told["way"])
    out: dict[int, dict[str, Floats]] = {}
    mine = frame.filter((pl.col("model") == key[0]) & (pl.col("segment") == key[1]))
    for (window,), part in mine.partition_by("window", as_dict=True).items():
        bucket, n = part["bucket"].to_numpy(), part["n"].to_numpy()
        out[int(window)] = {w: np.zeros(BUCKETS) for w in ("label", "weighted")}
        for w, into in out[int(window)].items():
            into[bucket] = part[w].to_numpy() / np.maximum(n, 1)
    return out, way


def _of_classes(labels: Labels, key: Key) -> Estimator:
    """Accuracy and mean F1 from answers by bucket of their score."""
    baseline, mine = _cells(labels, key, reference=True), _cells(labels, key, reference=False)
    blocks = [c for c in (a[..., :-1] for _, a in sorted(baseline.items())) if c.sum() > 0]
    if len(blocks) < BLOCKS[0]:
        return _few(len(blocks))
    groups = _blocks(len(blocks))
    found = ClassReference(np.array([np.sum([blocks[i] for i in g], axis=0) for g in groups]))
    if found.lacking:
        return _small(found.lacking)

    def estimate(window: int, _: Table) -> Mapping[str, Guess]:
        parts: Mapping[str, Part] = found.estimate(mine[window].sum(axis=2))
        return {name: Guess(part.value, part.half) for name, part in parts.items()}

    return Estimator(
        names=("accuracy", "f1"),
        usual=metrics(found.counts.sum(axis=(0, 2)))[0],
        estimate=estimate,
        truth=lambda _, t: metrics(t.square)[0],
        way="bucket",
        scores=found.counts.sum(axis=(0, 1, 3)),
    )


def _cells(labels: Labels, key: Key, *, reference: bool) -> dict[int, Floats]:
    """By window (C, B, C + 1) rows by answer, bucket and label; the last label: none."""
    inputs = labels.inputs
    base = reference and inputs.base_cells.height > 0
    frame = inputs.base_cells if base else inputs.cells
    if reference and not base:
        frame = frame.filter(pl.col("window").is_in(list(inputs.times.baseline)))
    own = frame.filter((pl.col("model") == key[0]) & (pl.col("segment") == key[1]))
    if base and own.is_empty():
        own = frame.filter((pl.col("model") == "") & (pl.col("segment") == key[1]))
    size = len(labels.classes)
    at = {name: i for i, name in enumerate(labels.classes)}
    own = own.filter(pl.col("bucket") >= 0).with_columns(
        p=pl.col("predicted").replace_strict(at, default=None, return_dtype=pl.Int64),
        y=pl.when(pl.col("delay") != NEVER)
        .then(pl.col("label").replace_strict(at, default=None, return_dtype=pl.Int64))
        .fill_null(size),
    )
    out = {}
    for (window,), part in own.drop_nulls("p").partition_by("window", as_dict=True).items():
        cells = np.zeros((size, BUCKETS, size + 1))
        np.add.at(cells, tuple(part[c].to_numpy() for c in ("p", "bucket", "y")), part["n"].to_numpy())
        out[int(window)] = cells
    return out


def _of_quantities(key: Key, learned: Mapping[str, pl.DataFrame]) -> Estimator:
    """Mean and root mean square error, as `profile/learn.py` has learnt them."""
    frame = learned.get("learned-losses")
    own = None
    if frame is not None:
        own = frame.filter((pl.col("model") == key[0]) & (pl.col("segment") == key[1]))
    if own is None or own.is_empty():
        return _small("reference-too-small: there are too few labelled rows of a baseline to learn from")
    told, asked = own.filter("known").sort("window"), own.filter(~pl.col("known"))
    if told.height < BLOCKS[0] or told["n"].sum() < LEAST:
        return _few(told.height)
    groups = _blocks(told.height)
    sums = {c: np.array([told[c].to_numpy()[g].sum() for g in groups], np.float64) for c in ("n", *TERMS)}
    known = Known(**sums)
    windows = {row["window"]: row for row in asked.iter_rows(named=True)}
    choices = learned["learned-choices"].filter(pl.col("model") == key[0])
    rough = choices.height > 0 and int(choices["fields"][0]) == 0

    def estimate(window: int, table: Table) -> Mapping[str, Guess]:
        row = windows.get(window)
        if row is None:
            return {}
        f, g, h = (np.array([row[f"{n}{k}"] for k in range(1 + FOLDS)]) for n in "fgh")
        sample = Asked(float(row["n"]), table.rows, f, g, h)
        found = {"mae": mean_error(known, sample), "rmse": root_mean_square(known, sample)}
        return {n: Guess(e.value, float("nan") if rough else e.half) for n, e in found.items()}

    return Estimator(
        names=("mae", "rmse"),
        usual={
            "mae": float(known.e.sum() / known.n.sum()),
            "rmse": float(np.sqrt(known.e2.sum() / known.n.sum())),
        },
        estimate=estimate,
        truth=lambda _, t: _errors(t),
        way=ROUGH if rough else "fields",
    )


def _errors(table: Table) -> dict[str, float]:
    ae, se = table.errors["ae"], table.errors["se"]
    nothing = float("nan")
    return {
        "mae": ae.total / ae.n if ae.n else nothing,
        "rmse": float(np.sqrt(se.total / se.n)) if se.n else nothing,
    }
