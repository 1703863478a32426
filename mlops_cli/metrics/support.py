"""Whether the baseline knew rows like these: novel values of a field or the score, another version."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.metrics.labelled import Key
from mlops_cli.metrics.matrix import Matrix
from mlops_cli.metrics.tables import NUMERIC, Tables
from mlops_cli.stats.calibration import NOVEL, NOVEL_SHARE, novel

Floats = NDArray[np.float64]
BINS = 32
SEEN = 0.01  # of the baseline's rows: a version that it knows


def novel_fields(tables: Tables, key: Key) -> tuple[list[str], Floats]:
    """Names of the fields, and (fields, windows) shares of rows where the baseline had hardly any.

    A field that was one value in all of the baseline taught nobody anything, and is left out.
    """
    if tables.baseline is None:
        return [], np.zeros((0, len(tables.windows)))
    kinds = {i: tables.fields[i].type for i in tables.ids(role="feature", kind="predictions")}
    ids = [i for i, kind in kinds.items() if kind in NUMERIC or kind == "category"]
    sids = [
        sid
        for sid, (kind, model, _, segment) in enumerate(tables.keys)
        if (kind, model, segment) == ("predictions", *key) and tables.base_sid[sid] >= 0
    ]
    grid = tables.of(ids).filter(pl.col("sid").is_in(sids))
    names, shares = [], []
    for (sid, field), part in grid.partition_by("sid", "field", maintain_order=True, as_dict=True).items():
        lacking = (part["nulls"] + part["nans"]).to_numpy().astype(np.float64)
        had = float((part["nulls_base"].fill_null(0) + part["nans_base"].fill_null(0))[0])
        matrix = tables.matrix(int(field), int(sid))
        filled = int((matrix.reference > 0).sum()) + (had > 0) + (matrix.reference_other > 0)
        if filled < 2:
            continue
        names.append(tables.fields[int(field)].name)
        shares.append(_novel(matrix, lacking, had, ordered=kinds[int(field)] in NUMERIC))
    return names, np.array(shares).reshape(len(names), len(tables.windows))


def _novel(matrix: Matrix, lacking: Floats, had: float, *, ordered: bool) -> Floats:
    """(W,) of one field: quantile bins of numbers, frequent values of categories, one bin for missing."""
    place = quantiles(matrix.reference) if ordered else _frequent(matrix.reference)
    known = np.bincount(place, matrix.reference, BINS + 2)
    known[BINS + 1] += 0.0 if ordered else matrix.reference_other
    known = np.append(known, had)
    out = np.zeros(len(lacking))
    for w, row in enumerate(matrix.current):
        now = np.bincount(place, row, BINS + 2)
        now[BINS + 1] += matrix.other[w]
        now = np.append(now, lacking[w])
        out[w] = np.nan_to_num(novel(now, known))
    return out


def quantiles(reference: Floats) -> NDArray[np.int64]:
    """Bin of each cell: by the baseline's quantiles, 0 below and BINS + 1 above all that it had."""
    total = np.cumsum(reference) / max(float(reference.sum()), 1.0)
    place = np.minimum((total * BINS).astype(np.int64), BINS - 1) + 1
    filled = np.flatnonzero(reference > 0)
    if len(filled):
        place[: filled[0]], place[filled[-1] + 1 :] = 0, BINS + 1
    return np.asarray(place, np.int64)


def _frequent(reference: Floats) -> NDArray[np.int64]:
    place = np.full(len(reference), BINS + 1)
    top = np.argsort(-reference, kind="stable")[: BINS - 1]
    top = top[reference[top] > 0]
    place[top] = np.arange(len(top))
    return place


def unsupported(fields: tuple[list[str], Floats], at: int, scores: tuple[Floats, Floats] | None) -> str:
    """Why a window is unlike the baseline; empty where it is not."""
    worst, where = 0.0, "the score"
    if scores is not None:
        place = quantiles(scores[1])
        worst = float(np.nan_to_num(novel(*(np.bincount(place, s, BINS + 2) for s in scores))))
    names, shares = fields
    if names and shares[:, at].max() > worst:
        worst, where = float(shares[:, at].max()), names[int(shares[:, at].argmax())]
    if worst <= NOVEL_SHARE:
        return ""
    return (
        f"no-support: {worst:.0%} of the rows have values of {where} that the baseline hardly had "
        f"(less than 1/{NOVEL:.0f} of that share)"
    )


class Versions:
    """Shares of rows by windows that come from a version of the model which the baseline did not have."""

    def __init__(self, learned: Mapping[str, pl.DataFrame], baseline: tuple[int, ...]) -> None:
        self.frame = learned.get("learned-versions")
        self.baseline = baseline
        self._of: dict[str, dict[int, tuple[float, str]]] = {}

    def changed(self, model: str, window: int) -> str:
        """Why a window's scores are of another model; empty where they are not, or no version is known."""
        if self.frame is None or self.frame.is_empty():
            return ""
        if model not in self._of:
            self._of[model] = self._shares(self.frame, model)
        share, name = self._of[model].get(window, (0.0, ""))
        if share <= NOVEL_SHARE:
            return ""
        return (
            f"score-changed: {share:.0%} of the rows are of version {name}, which the baseline did not have"
        )

    def _shares(self, frame: pl.DataFrame, model: str) -> dict[int, tuple[float, str]]:
        own, apart = frame.filter(pl.col("model") == model), frame.filter("reference")
        base = own.filter(~pl.col("reference") & pl.col("window").is_in(list(self.baseline)))
        if apart.height:
            base = apart.filter(pl.col("model").is_in([model, ""]))
        if base.is_empty():
            return {}
        counted = base.group_by("version").agg(pl.col("n").sum())
        known = counted.filter(pl.col("n") >= SEEN * float(base["n"].sum() or 0))["version"]
        rows = own.filter(~pl.col("reference")).with_columns(new=~pl.col("version").is_in(known.implode()))
        told = rows.group_by("window").agg(
            (pl.col("n").filter("new").sum() / pl.col("n").sum()).alias("share"),
            pl.col("version").filter("new").sort_by(pl.col("n").filter("new")).last().alias("name"),
        )
        return {w: (share or 0.0, name or "") for w, share, name in told.iter_rows()}
