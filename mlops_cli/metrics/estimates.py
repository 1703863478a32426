"""Estimates of every window that has no labels yet, and the record of those whose labels have come.

The record is what an estimate from the baseline alone would have said, beside what the labels said later.
Windows of the baseline are not in it: the estimates were learnt from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from mlops_cli.metrics.estimators import CANNOT, ROUGH, Estimator, Guess, estimator
from mlops_cli.metrics.labelled import MATURE, Key, Labels, Table
from mlops_cli.metrics.support import Versions, novel_fields, unsupported
from mlops_cli.metrics.tables import Tables
from mlops_cli.stats.calibration import RECORD

SECOND = 1_000_000
ASSUMES = "assumes that the relation of inputs and label has not changed"
PATIENCE = 4  # delays within which nine tenths of the labels come: without a labelled window, unconfirmed

# `realised` and `inside` where the labels are in; `withdrawn` why it is (or would have been) not shown, and
# `estimate` is then what would have been said. `known` is whether the labels are in.
ESTIMATES: dict[str, pl.DataType] = {
    "model": pl.String(),
    "segment": pl.String(),
    "window": pl.Int64(),
    "metric": pl.String(),
    "estimate": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "reference": pl.Float64(),
    "realised": pl.Float64(),
    "inside": pl.Boolean(),
    "withdrawn": pl.String(),
    "known": pl.Boolean(),
    "n": pl.Int64(),
    "way": pl.String(),
    "note": pl.String(),
}


@dataclass(frozen=True)
class Sought:
    """What estimates are made of: as a metric's context has them."""

    labels: Labels
    tables: Tables
    counts: Mapping[str, pl.DataFrame]


def estimates(sought: Sought) -> pl.DataFrame:
    """Frame of ESTIMATES: every series, window and metric that has rows, the baseline's windows apart."""
    labels = sought.labels
    versions = Versions(sought.counts, labels.inputs.times.baseline)
    rows: list[dict[str, Any]] = []
    for key in labels.series:
        rows += _Series(sought, key, versions).rows()
    return pl.DataFrame(rows, schema=ESTIMATES)


def mature(labels: Labels, key: Key, window: int, table: Table) -> bool:
    """As many of its rows have a label as the baseline's ever had, nearly."""
    if labels.age(window) < 0:
        return False
    base = labels.base(key, 99)
    usual = base.labelled / base.rows if base is not None and base.rows else 1.0
    return table.rows > 0 and table.labelled / table.rows >= MATURE * usual


class _Series:
    """One model and segment, window by window: what came out before decides what is shown later."""

    def __init__(self, sought: Sought, key: Key, versions: Versions) -> None:
        self.labels, self.key, self.versions = sought.labels, key, versions
        self.found: Estimator = estimator(sought.labels, key, sought.counts)
        self.fields = novel_fields(sought.tables, key) if not self.found.why else ([], np.zeros((0, 0)))
        times = sought.labels.inputs.times
        self.ends = dict(zip(times.windows, times.ends, strict=True))
        based = [w for w in times.baseline if w in self.ends]
        self.confirmed = self.ends[based[-1]] if based else 0
        self.labelled = self.confirmed
        self.record: list[bool] = []

    def rows(self) -> list[dict[str, Any]]:
        """Of ESTIMATES."""
        out: list[dict[str, Any]] = []
        times = self.labels.inputs.times
        for at, window in enumerate(times.windows):
            table = self.labels.at(self.key, window, self.labels.age(window))
            if window in times.baseline or (table is not None and not table.rows):
                continue
            known = table is not None and mature(self.labels, self.key, window, table)
            if self.found.why or table is None:
                if not known:
                    out += self._unknown(window, self.found.why or "no rows")
                continue
            out += self._window(at, window, table, known=known)
        return out

    def _unknown(self, window: int, why: str) -> list[dict[str, Any]]:
        names = self.found.names or (("mae", "rmse") if self.labels.quantity else ("auc", "accuracy", "f1"))
        if not self.labels.quantity and not self.labels.binary:
            names = ("accuracy", "f1")
        return [self._row(window, name, {"withdrawn": why, "known": False}) for name in names]

    def _window(self, at: int, window: int, table: Table, *, known: bool) -> list[dict[str, Any]]:
        guesses = self.found.estimate(window, table)
        if not guesses:
            return (
                self._unknown(window, f"{CANNOT}: no row of the window is in the sample") if not known else []
            )
        why = self._withdrawn(at, window, table)
        truth = self.found.truth(window, table) if known else {}
        out, held = [], []
        for name in self.found.names:
            guess, real = guesses[name], truth.get(name, float("nan"))
            inside = None
            if np.isfinite(real) and np.isfinite(guess.half):
                inside = bool(abs(real - guess.value) <= guess.half)
                held.append(inside)
            told = {
                "estimate": guess.value,
                "low": max(guess.value - guess.half, 0.0),
                "high": min(guess.value + guess.half, float("inf") if self.labels.quantity else 1.0),
                "realised": real,
                "inside": inside,
                "withdrawn": self.found.only.get(name) or why,
                "known": known,
                "n": round(table.rows),
                "note": self._note(guess),
            }
            out.append(self._row(window, name, told))
        if known:
            self.labelled = self.ends[window]
            if held:
                self.record.append(all(held))
                self.confirmed = self.ends[window] if all(held) else self.confirmed
        return out

    def _row(self, window: int, name: str, told: Mapping[str, Any]) -> dict[str, Any]:
        row = {
            "model": self.key[0],
            "segment": self.key[1],
            "window": window,
            "metric": name,
            "reference": self.found.usual.get(name),
            "way": self.found.way,
            **told,
        }
        return {c: _finite(row.get(c)) for c in ESTIMATES}

    def _withdrawn(self, at: int, window: int, table: Table) -> str | None:
        last = self.record[-RECORD[0] :]
        missed = len(last) - sum(last)
        scores = None if self.found.scores is None else (table.every, self.found.scores)
        why = self.versions.changed(self.key[0], window) or unsupported(self.fields, at, scores)
        if not why and missed >= RECORD[1]:
            why = f"track-record: of the last {len(last)} windows with labels {missed} lay outside their band"
        return f"{CANNOT} ({why})" if why else None

    def _note(self, guess: Guess) -> str:
        day = f"up to {_day(self.confirmed)}" if self.confirmed else "of the baseline alone"
        parts = [ASSUMES, f"last confirmed by labels {day}"]
        if self._unconfirmed():
            parts.append("unconfirmed: no window of late has labels")
        if self.found.way == ROUGH or not np.isfinite(guess.half):
            parts.append("rough: from the predictions alone, without a band")
        elif self.found.way in {"label", "weighted"}:
            parts.append(f"corrected for a shift of the inputs ({self.found.way})")
        return "; ".join(parts)

    def _unconfirmed(self) -> bool:
        """No window within four usual delays has labels; where no delay is known, no window at all."""
        times, late = self.labels.inputs.times, self.labels.delays(self.key).late
        if not self.labelled:
            return True
        if not np.isfinite(late):
            return False
        length = max((e - w for w, e in zip(times.windows, times.ends, strict=True)), default=0)
        return times.now - self.labelled > max(PATIENCE * late * SECOND, length)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment // SECOND, UTC).strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")
