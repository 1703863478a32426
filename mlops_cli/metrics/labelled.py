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

from mlops_cli.profile.labelled import BUCKETS, EDGES, ERRORS, NEVER, QUANTUM

Floats = NDArray[np.float64]
SECOND = 1_000_000
OLDEST = len(EDGES) - 2  # number of the last delay bucket
YES = "1"
CLASS = 20  # positives and negatives without which a ranking is unknown
MATURE = 0.9  # of the baseline's share of labelled rows: there is nothing left to estimate
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


@dataclass(frozen=True)
class Inputs:
    """Frames and windows that the tables are made of; microseconds."""

    cells: pl.DataFrame
    losses: pl.DataFrame
    base_cells: pl.DataFrame  # of a baseline that is a file of its own
    base_losses: pl.DataFrame
    windows: tuple[int, ...]
    ends: tuple[int, ...]
    baseline: tuple[int, ...]  # windows of the same logs that are the baseline
    now: int


class Labels:
    """Tables by series and window, made when they are asked for."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self._tables: dict[tuple[Key, int, int], Table] = {}
        self._seen: dict[tuple[Key, int, int], Table] = {}

    @cached_property
    def classes(self) -> list[str]:
        """All answers and labels; of two the positive one is last."""
        frames = [self.inputs.cells, self.inputs.base_cells]
        found = pl.concat([f[c] for f in frames for c in ("predicted", "label")]).drop_nulls().unique()
        names = sorted(found.to_list())
        if len(names) == 2 and YES not in names and not self._rises(names):
            names.reverse()
        return names

    def _rises(self, names: list[str]) -> bool:
        """Whether the score is higher where the second class is predicted."""
        frame = self.inputs.cells.filter(pl.col("bucket") >= 0)
        sums = frame.group_by("predicted").agg(pl.col("score").sum() / pl.col("n").sum())
        mean = dict(sums.iter_rows())
        return bool((mean.get(names[1]) or 0.0) >= (mean.get(names[0]) or 0.0))

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
        if not self.timed:
            return OLDEST
        passed = (self.inputs.now - self._ends.get(window, window)) / SECOND
        return min(sum(passed >= edge for edge in EDGES[1:]) - 1, OLDEST)

    @cached_property
    def _ends(self) -> dict[int, int]:
        return dict(zip(self.inputs.windows, self.inputs.ends, strict=True))

    def at(self, key: Key, window: int, age: int) -> Table | None:
        """A window's table at an age; None where it has no row."""
        rows = self._rows.get((*key, window))
        if rows is None:
            return None
        found = self._seen.get((key, window, age))
        if found is None:
            found = self._table(rows, age)
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
            self._tables[at] = self._table(rows, age)
        return self._tables[at]

    def blocks(self, key: Key) -> list[Table]:
        """The baseline window by window, as old as it is."""
        if self.inputs.base_cells.height:
            rows = self._grouped(self.inputs.base_cells, ["model", "segment", "window"])
            return [self._table(r, OLDEST) for k, r in sorted(rows.items()) if k[:2] == key]
        tables = [self.at(key, w, self.age(w)) for w in self.inputs.baseline]
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
            own = frame.filter(pl.col("window").is_in(self.inputs.baseline))
        return self._grouped(own, ["model", "segment"])

    def _grouped(self, frame: pl.DataFrame, keys: list[str]) -> dict[tuple[object, ...], pl.DataFrame]:
        if not self.quantity:  # the numbers of the classes, once for all windows
            at = {name: i for i, name in enumerate(self.classes)}
            frame = frame.with_columns(
                pl.col(c).replace_strict(at, default=-1, return_dtype=pl.Int64).alias(number)
                for c, number in (("predicted", "p"), ("label", "y"))
            )
        return dict(frame.partition_by(keys, maintain_order=True, as_dict=True))

    def _table(self, frame: pl.DataFrame, age: int) -> Table:
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
        both = known & (p >= 0) & (y >= 0)
        np.add.at(square, (p[both], y[both]), n[both])
        bucket = frame["bucket"].to_numpy().astype(np.int64)
        scored = bucket >= 0

        def summed(mask: NDArray[np.bool_], name: str = "n") -> Floats:
            weight = n if name == "n" else frame[name].to_numpy() / QUANTUM
            return np.bincount(bucket[mask], weight[mask], BUCKETS).astype(np.float64)

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
            summed(scored),
            summed(scored & (p == 1)),
        )


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
