"""What labels say, by series and window, and of the baseline at the same age; shared by the model's metrics.

A window that is a day old has only the labels that come within a day. It is compared with what the baseline
looked like when it was a day old: labels that come late are often of one class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.config.section import seconds
from mlops_cli.metrics.delays import NONE, Delays, delays
from mlops_cli.metrics.selection import by_bucket, chosen, compared, strata, weighed
from mlops_cli.profile.labelled import BUCKETS, CELLS, EDGES, ERRORS, LOSSES, NEVER, QUANTUM, classes
from mlops_cli.stats.late import Selection, Weights

Floats = NDArray[np.float64]
SECOND = 1_000_000
OLDEST = len(EDGES) - 2  # number of the last delay bucket
CLASS = 20  # positives and negatives without which a ranking is unknown
MATURE = 0.9  # of the baseline's share of labelled rows: there is nothing left to estimate
YOUNG = "its labels are not due yet"
UNSETTLED = "its labels are not settled ([windows] settle)"
FEWER = "fewer labels than usual, and they do not say when they came: [windows] settle must be given"
KEPT = 4_096  # tables of windows: some 50 MB

Key = tuple[str, str]  # model, segment


class Moments(NamedTuple):
    """Rows, sum of a loss, and sum of its squared distances from the mean."""

    n: float
    total: float
    m2: float


@dataclass(frozen=True)
class Table:
    """One series in one window (or in the baseline), as old as its labels were allowed to be.

    Parameters
    ----------
    square : (K, K) predicted × label
    yes, no : (B,) labelled rows by score bucket; of two classes only
    scores : (B,) sums of the score of labelled rows
    brier, log_loss : of labelled rows with a score
    errors : of quantities: ae, se, ape
    size : sum of |label| of quantities
    rows, labelled : predictions, and those with a label
    every : (B,) all predictions by score bucket
    called : (B,) those of them that are predicted positive
    blind : share of the rows in cells without any label, where labelled rows are weighed
    effective : what share of the labelled rows as many evenly spread ones would need; 1: not weighed

    """

    square: Floats
    yes: Floats
    no: Floats
    scores: Floats
    brier: Moments
    log_loss: Moments
    errors: Mapping[str, Moments]
    size: float
    rows: float
    labelled: float
    every: Floats
    called: Floats
    blind: float = 0.0
    effective: float = 1.0


class Times(NamedTuple):
    """Windows, their ends, those that are the baseline, and when all is looked at; microseconds."""

    windows: tuple[int, ...]
    ends: tuple[int, ...]
    baseline: tuple[int, ...]
    now: int


@dataclass(frozen=True)
class Inputs:
    """Frames and windows that the tables are made of."""

    cells: pl.DataFrame
    losses: pl.DataFrame
    base_cells: pl.DataFrame  # of a baseline that is a file of its own
    base_losses: pl.DataFrame
    times: Times
    settle: int = -1  # seconds after its end from which a window is judged; -1: by the age of the labels
    dated: bool = True  # labels say when they came


class Labels:
    """Tables by series and window, made when they are asked for."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self._tables: dict[tuple[Key, int, int], Table] = {}
        self._seen: dict[tuple[Key, int, int], Table] = {}
        self._delays: dict[Key, Delays] = {}
        self._picked: dict[str, NDArray[np.int64] | None] = {}

    @cached_property
    def classes(self) -> list[str]:
        """All answers and labels; of two the positive one is last."""
        return classes(self.inputs.cells, self.inputs.base_cells)

    @property
    def binary(self) -> bool:
        """Two classes."""
        return len(self.classes) == 2

    @property
    def quantity(self) -> bool:
        """The labels are quantities."""
        return self.inputs.losses.height > 0

    @cached_property
    def series(self) -> list[Key]:
        """Models and segments."""
        frame = self.inputs.losses if self.quantity else self.inputs.cells
        return sorted(frame.select("model", "segment").unique().iter_rows())

    @cached_property
    def timed(self) -> bool:
        """Some label came later than within an hour; else all are there at once, or do not say when."""
        frame = self.inputs.losses if self.quantity else self.inputs.cells
        return bool((frame["delay"] > 0).any())

    def age(self, window: int) -> int:
        """Number of the last delay bucket that is over for all rows of a window; -1: none is."""
        if not self.timed or self._whole:
            return OLDEST
        passed = self._passed(window)
        return min(sum(passed >= edge for edge in EDGES[1:]) - 1, OLDEST)

    def young(self, key: Key, window: int) -> str:
        """Why a window is too young to be judged by its labels; empty where it is not."""
        if 0 <= self._passed(window) < self.inputs.settle and not self._whole:
            return UNSETTLED
        if self.age(window) < 0:
            return YOUNG
        if self.inputs.settle >= 0 or (self.inputs.dated and not self._whole):
            return ""
        mine, base = (_came(f) for f in (self._rows.get((*key, window)), self._base.get(key)))
        return FEWER if mine < MATURE * base else ""  # NaN, where either has no row, is not fewer

    def mature(self, key: Key, window: int) -> bool:
        """Nearly all labels of a window have come, as far as their ages tell."""
        if self.young(key, window):
            return False
        if self.inputs.settle >= 0 or not self.timed or self._whole:
            return True
        return NONE < self.delays(key).mature <= self.age(window)

    def delays(self, key: Key) -> Delays:
        """How late the labels of a series come."""
        if key not in self._delays:
            starts = [w for w in self.inputs.times.windows if (*key, w) in self._rows]
            triangle, rows = np.full((len(starts), OLDEST + 1), np.nan), np.zeros(len(starts))
            for i, window in enumerate(starts):
                frame, age = self._rows[*key, window], self.age(window)
                delay, n = frame["delay"].to_numpy(), frame["n"].to_numpy()
                came = np.bincount(delay[delay >= 0], n[delay >= 0], OLDEST + 1)
                triangle[i, : age + 1], rows[i] = came[: age + 1], n.sum()
            self._delays[key] = delays(triangle, rows)
        return self._delays[key]

    def selection(self, key: Key) -> tuple[tuple[int, ...], dict[str, Selection]]:
        """The mature windows, and how their labelled rows differ from the others in score and prediction."""
        starts = tuple(
            w for w in self.inputs.times.windows if (*key, w) in self._rows and self.mature(key, w)
        )
        if self.quantity or not starts:
            return starts, {}
        return starts, compared([self._rows[*key, w] for w in starts], len(self.classes))

    def picked(self, model: str) -> NDArray[np.int64] | None:
        """Bucket → stratum where what is labelled was chosen, so that rows are to be weighed; else None."""
        if model not in self._picked:
            key = (model, "")
            starts, found = self.selection(key)
            frames = [self._rows[*key, w] for w in starts]
            got = [(f["n"].filter(f["delay"] != NEVER).sum(), f["n"].sum()) for f in frames]
            had, every = np.array(got, np.float64).reshape(-1, 2).T
            weighed = bool(found) and chosen(list(found.values()), np.minimum(had, every - had))
            self._picked[model] = strata(by_bucket(frames), had) if weighed else None
        return self._picked[model]

    def _passed(self, window: int) -> float:
        """Seconds since the end of a window."""
        return (self.inputs.times.now - self._ends.get(window, window)) / SECOND

    @property
    def _whole(self) -> bool:
        """The whole log is one window, whose rows are of every age."""
        return self.inputs.times.windows == (0,)

    @cached_property
    def _ends(self) -> dict[int, int]:
        return dict(zip(self.inputs.times.windows, self.inputs.times.ends, strict=True))

    def at(self, key: Key, window: int, age: int) -> Table | None:
        """A window's table at an age; None where it has no row."""
        rows = self._rows.get((*key, window))
        if rows is None:
            return None
        found = self._seen.get((key, window, age))
        if found is None:
            found = self._table(rows, age, self.picked(key[0]))
            if len(self._seen) < KEPT:
                self._seen[key, window, age] = found
        return found

    def base(self, key: Key, age: int) -> Table | None:
        """The baseline's at the same age."""
        at = (key, 0, age)
        if at not in self._tables:
            rows = self._base.get(key)
            if rows is None and key[0]:
                rows = self._base.get(("", key[1]))
            if rows is None:
                return None
            self._tables[at] = self._table(rows, age, self.picked(key[0]))
        return self._tables[at]

    def blocks(self, key: Key) -> list[Table]:
        """The baseline window by window, as old as it is."""
        if self.inputs.base_cells.height:
            rows = self._grouped(self.inputs.base_cells, ["model", "segment", "window"])
            picked = self.picked(key[0])
            return [self._table(r, OLDEST, picked) for k, r in sorted(rows.items()) if k[:2] == key]
        tables = [self.at(key, w, self.age(w)) for w in self.inputs.times.baseline]
        return [t for t in tables if t is not None]

    @cached_property
    def _rows(self) -> dict[tuple[object, ...], pl.DataFrame]:
        frame = self.inputs.losses if self.quantity else self.inputs.cells
        return self._grouped(frame, ["model", "segment", "window"])

    @cached_property
    def _base(self) -> dict[tuple[object, ...], pl.DataFrame]:
        own = self.inputs.base_losses if self.quantity else self.inputs.base_cells
        if not own.height:
            frame = self.inputs.losses if self.quantity else self.inputs.cells
            own = frame.filter(pl.col("window").is_in(self.inputs.times.baseline))
        return self._grouped(own, ["model", "segment"])

    def _grouped(self, frame: pl.DataFrame, keys: list[str]) -> dict[tuple[object, ...], pl.DataFrame]:
        if not self.quantity:  # the numbers of the classes, once for all windows
            at = {name: i for i, name in enumerate(self.classes)}
            frame = frame.with_columns(
                pl.col(c).replace_strict(at, default=-1, return_dtype=pl.Int64).alias(number)
                for c, number in (("predicted", "p"), ("label", "y"))
            )
        return dict(frame.partition_by(keys, maintain_order=True, as_dict=True))

    def _table(self, frame: pl.DataFrame, age: int, picked: NDArray[np.int64] | None) -> Table:
        delay = frame["delay"].to_numpy()
        known = (delay != NEVER) & (delay <= age)
        n = frame["n"].to_numpy().astype(np.float64)
        nothing, none = np.zeros(0), Moments(0.0, 0.0, 0.0)
        if self.quantity:
            errors = {name: _losses(frame, known, name) for name in ERRORS}
            size = float(frame["size"].to_numpy()[known].sum())
            empty = (nothing, nothing, nothing, none, none)
            return Table(
                nothing, *empty, errors, size, float(n.sum()), float(n[known].sum()), nothing, nothing
            )
        p, y = frame["p"].to_numpy(), frame["y"].to_numpy()
        size_ = len(self.classes)
        square = np.zeros((size_, size_))
        bucket = frame["bucket"].to_numpy().astype(np.int64)
        scored, each, worth = bucket >= 0, np.ones(len(n)), Weights(np.ones(1), 0.0, 1.0)
        if picked is not None:
            cell = picked[bucket] * (size_ + 1) + p + 1
            worth = weighed(cell, n, known)
            each = np.where(known, worth.of[cell], 1.0)
        both = known & (p >= 0) & (y >= 0)
        np.add.at(square, (p[both], y[both]), (n * each)[both])

        def summed(mask: NDArray[np.bool_], name: str = "n") -> Floats:
            weight = each * (n if name == "n" else frame[name].to_numpy() / QUANTUM)
            return np.bincount(bucket[mask], weight[mask], BUCKETS).astype(np.float64)

        def plain(mask: NDArray[np.bool_]) -> Floats:
            return np.bincount(bucket[mask], n[mask], BUCKETS).astype(np.float64)

        ones, told = scored & known & (y == 1), scored & known & (y >= 0)
        zeros = told & (y == 0)
        yes, no = summed(ones), summed(zeros)
        square_loss = summed(told, "square") - 2 * summed(ones, "score") + yes
        logs = summed(ones, "log1") + summed(zeros, "log0")
        middle = (np.arange(BUCKETS) + 0.5) / BUCKETS
        return Table(
            square,
            yes,
            no,
            summed(told, "score"),
            _spread(float(square_loss.sum()), yes, no, (1 - middle) ** 2, middle**2),
            _spread(float(logs.sum()), yes, no, -np.log(middle), -np.log(1 - middle)),
            {},
            0.0,
            float(n.sum()),
            float(n[known].sum()),
            plain(scored),
            plain(scored & (p == 1)),
            worth.blind,
            worth.effective,
        )


def labels_of(counts: Mapping[str, pl.DataFrame], times: Times, settle: str, *, dated: bool) -> Labels | None:
    """Labels from the counts of a metric's context; None where there are none.

    Parameters
    ----------
    counts : as `profile.labelled.with_labels` names them
    times : of the windows
    settle : auto, or a duration
    dated : labels say when they came

    """
    if "label-cells" not in counts:
        return None
    empty = {"cells": pl.DataFrame(schema=CELLS), "losses": pl.DataFrame(schema=LOSSES)}
    frames = {
        f"{side}{name}": counts.get(f"label-{side.replace('_', '-')}{name}", empty[name])
        for side in ("", "base_")
        for name in ("cells", "losses")
    }
    return Labels(
        Inputs(**frames, times=times, settle=-1 if settle == "auto" else seconds(settle), dated=dated)
    )


def _came(frame: pl.DataFrame | None) -> float:
    """Share of the rows that have a label."""
    if frame is None or not frame.height:
        return float("nan")
    return float(frame["n"].filter(frame["delay"] != NEVER).sum()) / float(frame["n"].sum())


def _spread(total: float, yes: Floats, no: Floats, loss1: Floats, loss0: Floats) -> Moments:
    """The exact sum, with the spread that the middles of the buckets give."""
    n = float(yes.sum() + no.sum())
    if n <= 0:
        return Moments(0.0, 0.0, 0.0)
    mean = float(yes @ loss1 + no @ loss0) / n
    return Moments(n, total, float(yes @ (loss1 - mean) ** 2 + no @ (loss0 - mean) ** 2))


def _losses(frame: pl.DataFrame, known: NDArray[np.bool_], name: str) -> Moments:
    n = float(frame["ape_n" if name == "ape" else "n"].to_numpy()[known].sum())
    total, square = (float(frame[c].to_numpy()[known].sum()) for c in (name, f"{name}_2"))
    return Moments(n, total, max(square - total**2 / n, 0.0) if n > 0 else 0.0)
