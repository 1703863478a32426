"""The counts of two arms as arrays: windows × cells, with strata taken out or kept apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.profile.arm_facts import TREATMENT
from mlops_cli.profile.arms import ACTIVE, TRAFFIC, ArmCounts
from mlops_cli.stats.sequential import Increments, increments, limit_increments, log_e_late

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Cells(NamedTuple):
    """Units, sums and squares of treatment (c) and control (b): (windows, cells)."""

    nc: Floats
    sc: Floats
    qc: Floats
    nb: Floats
    sb: Floats
    qb: Floats

    def until(self, look: int) -> "Cells":
        """The first windows only."""
        return Cells(*(v[:look] for v in self))

    def since(self, first: int) -> "Cells":
        """Without the first windows."""
        return Cells(*(v[first:] for v in self))

    @property
    def both(self) -> Bools:
        """Cells in which both arms have units: only these can be compared."""
        return np.asarray((self.nc > 0) & (self.nb > 0))


@dataclass
class Tables:
    """What `ArmCounts` holds, as arrays; asked for again and again by `--replay`, so kept once made."""

    counts: ArmCounts
    _made: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def strata(self) -> tuple[str, ...]:
        """Every combination of values that occurs, as text."""
        texts = pl.concat([self.counts.counts["stratum"], self.counts.statuses["stratum"]]).unique().sort()
        return tuple(texts.to_list())

    @cached_property
    def values(self) -> Mapping[tuple[str, str], Bools]:
        """(column, value) → the strata that have it."""
        out: dict[tuple[str, str], Bools] = {}
        for i, text in enumerate(self.strata):
            for column, value in parts_of(text, self.counts.strata):
                out.setdefault((column, value), np.zeros(len(self.strata), np.bool_))[i] = True
        return out

    @cached_property
    def _by_metric(self) -> Mapping[str, pl.DataFrame]:
        return {str(k[0]): v for k, v in self.counts.counts.partition_by("metric", as_dict=True).items()}

    def cells(self, metric: str) -> Cells:
        """All windows × all strata."""
        if metric not in self._made:
            shape = (len(self.counts.starts), max(len(self.strata), 1))
            frame = self._by_metric.get(metric)
            self._made[metric] = (
                Cells(*(np.zeros(shape) for _ in range(6)))
                if frame is None
                else self._read(frame, shape, ("n", "s", "q"))
            )
        found: Cells = self._made[metric]
        return found

    def _read(self, frame: pl.DataFrame, shape: tuple[int, int], columns: tuple[str, ...]) -> Cells:
        window, stratum = self._place(frame)
        treated = (frame["arm"] == TREATMENT).to_numpy()
        arrays = []
        for mine in (treated, ~treated):
            for column in columns:
                array = np.zeros(shape)
                array[window[mine], stratum[mine]] = frame[column].to_numpy()[mine]
                arrays.append(array)
        return Cells(*arrays)

    def _place(self, frame: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        window = (frame["window"].to_numpy() - self.counts.starts[0]) // self.counts.size
        numbers = {text: i for i, text in enumerate(self.strata)}
        stratum = frame["stratum"].replace_strict(numbers, return_dtype=pl.Int64).to_numpy()
        return window, stratum

    @cached_property
    def traffic(self) -> Cells:
        """Units where they first came, by stratum."""
        return self.cells(TRAFFIC)

    @cached_property
    def active(self) -> Cells:
        """Units in every window in which they come, by stratum."""
        return self.cells(ACTIVE)

    @cached_property
    def statuses(self) -> Mapping[int, tuple[Floats, Floats]]:
        """Status of 400 or more → rows of treatment and control, (windows, strata)."""
        out: dict[int, tuple[Floats, Floats]] = {}
        shape = (len(self.counts.starts), max(len(self.strata), 1))
        for key, frame in self.counts.statuses.partition_by("status", as_dict=True).items():
            cells = self._read(frame, shape, ("n", "n", "n"))
            out[int(key[0])] = (cells.nc, cells.nb)
        return out

    @cached_property
    def _groups(self) -> NDArray[np.int64]:
        """The cell in which each stratum is compared: one of all, or by the columns that were asked for."""
        within = self.counts.within
        texts = [
            ",".join(f"{c}={v}" for c, v in parts_of(s, self.counts.strata) if c in within)
            for s in self.strata
        ]
        return np.unique(np.array(texts or [""]), return_inverse=True)[1].ravel()

    def compared(self, metric: str, kept: Bools) -> Cells:
        """Windows × the cells that are compared, of the strata kept."""
        key = (metric, kept.tobytes())
        if key not in self._made:
            groups = self._groups
            which = (groups[:, None] == np.arange(groups.max(initial=0) + 1)) & kept[:, None]
            self._made[key] = Cells(*(v @ which.astype(np.float64) for v in self.cells(metric)))
        found: Cells = self._made[key]
        return found

    def evidence(self, metric: str, kept: Bools, r0: float, side: int, *, flip: bool = False) -> Increments:
        """`increments` of a rate, added up over the cells of each window: (windows, 48)."""
        key = (metric, kept.tobytes(), r0, side, flip)
        if key not in self._made:
            cells = events(self.compared(metric, kept), flip=flip)
            found = increments(cells.sc, cells.sb, cells.nc, cells.nb, r0, side)
            self._made[key] = Increments(found.a.sum(1), found.b.sum(1))
        made: Increments = self._made[key]
        return made

    def late(self, metric: str, kept: Bools, first: int, found: Increments) -> Floats:
        """Evidence of harm after each window from `first` on, whenever it began; `found` is of all."""
        key = (metric, kept.tobytes(), first, "late")
        if key not in self._made:
            self._made[key] = log_e_late(Increments(found.a[first:], found.b[first:]))
        made: Floats = self._made[key]
        return made

    def limited(self, metric: str, kept: Bools, limit: float, side: int, *, flip: bool = False) -> Increments:
        """The same of one arm against a limit."""
        key = (metric, kept.tobytes(), limit, side, flip, "limit")
        if key not in self._made:
            cells = events(self.compared(metric, kept), flip=flip)
            found = limit_increments(cells.sc, cells.nc, limit, side)
            self._made[key] = Increments(found.a.sum(1), found.b.sum(1))
        made: Increments = self._made[key]
        return made


def events(cells: Cells, *, flip: bool) -> Cells:
    """Where more is better, what is counted are the units without the event."""
    if not flip:
        return cells
    nc, sc, _, nb, sb, _ = cells
    return Cells(nc, nc - sc, nc - sc, nb, nb - sb, nb - sb)


def parts_of(text: str, columns: tuple[str, ...]) -> list[tuple[str, str]]:
    """`path=/a,id=absent` → its columns and values, which may hold commas."""
    out, rest = [], text
    for i, column in enumerate(columns):
        rest = rest.removeprefix(f"{column}=")
        end = rest.find(f",{columns[i + 1]}=") if i + 1 < len(columns) else len(rest)
        out.append((column, rest[:end]))
        rest = rest[end + 1 :]
    return out
