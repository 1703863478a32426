"""Fits: the lines fitted so far, and which of them the drift eye looks back to."""

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.line import Line, gather
from mlops_cli.stats.rare import Rare

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEVER = np.iinfo(np.int64).max
WANDERS = 0.8  # sum of the short memory's weights from which on a series has no fixed reference


class Fits:
    """Lines of all series, oldest first; `times` holds each series' own time of the fit."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.times: list[Ints] = []
        self.lines: list[Line] = []
        self.rares: list[Rare | None] = []
        self.oldest = np.zeros(size, np.int64)
        self.kind, self.refits = np.zeros(size, np.int64), np.zeros(size, np.int64)

    def move(self, series: int, jump: float) -> None:
        """Move every line of a series."""
        for line in self.lines:
            line.level[series] += jump

    def far(self, rows: Ints, before: Ints, line: Line, rare: Rare | None) -> tuple[Line, Rare | None]:
        """The newest line that was fitted by `before`, else the oldest that is kept.

        Parameters
        ----------
        rows : (R,) series
        before : (R,) windows
        line, rare : (R,) fitted now, for series without an older one

        """
        if not self.lines:
            return line, rare
        times = np.stack([t[rows] for t in self.times])
        number = np.arange(len(times))[:, None]
        newest = np.where(times <= before, number, -1).max(axis=0)
        fitted = times < NEVER
        chosen = np.maximum(newest, np.maximum(self.oldest[rows], fitted.argmax(axis=0)))
        none = ~fitted.any(axis=0)
        self.oldest[rows] = np.where(none, self.oldest[rows], chosen)
        old = gather(self.lines, chosen, rows)
        for f in fields(Line):
            getattr(old, f.name)[none] = getattr(line, f.name)[none]
        return old, None if rare is None else self._far_rare(rows, rare, chosen)

    def _far_rare(self, rows: Ints, rare: Rare, chosen: Ints) -> Rare:
        out = Rare(*(np.array(a) for a in vars(rare).values()))
        for k in np.unique(chosen):
            old = self.rares[k]
            if old is None:
                continue
            here = (chosen == k) & ~np.isnan(old.rate[rows]) & ~np.isnan(rare.rate)
            for f in fields(Rare):
                getattr(out, f.name)[here] = getattr(old, f.name)[rows[here]]
        return out

    def keep(self, rows: Ints, time: int, line: Line, rare: Rare | None, *, again: bool) -> None:
        """Remember a fit; `again`: in place of the one of the same block."""
        if not again:
            self.times.append(np.full(self.size, NEVER))
            template = self.lines[-1] if self.lines else None
            self.lines.append(_spread_out(line, rows, self.size, template))
            self.rares.append(None)
        else:
            for f in fields(Line):
                getattr(self.lines[-1], f.name)[rows] = getattr(line, f.name)
        self.times[-1][rows] = time
        if rare is not None:
            wide = self.rares[-1] or Rare(
                *(np.full((self.size, *a.shape[1:]), np.nan) for a in vars(rare).values())
            )
            for f in fields(Rare):
                getattr(wide, f.name)[rows] = getattr(rare, f.name)
            self.rares[-1] = wide
        self._drop()

    def _drop(self) -> None:
        """Forget the lines that no series looks back to any more."""
        fitted = self.times[-1] < NEVER
        unused = int(self.oldest[fitted].min()) if fitted.any() else 0
        if unused:
            del self.times[:unused], self.lines[:unused], self.rares[:unused]
            self.oldest = np.maximum(self.oldest - unused, 0)


def _spread_out(line: Line, rows: Ints, size: int, template: Line | None) -> Line:
    """The line of some series as one of all, the others as in the template."""
    out = {}
    for f in fields(Line):
        values = getattr(line, f.name)
        wide = np.zeros((size, *values.shape[1:]), values.dtype)
        if template is not None:
            wide[:] = getattr(template, f.name)
        wide[rows] = values
        out[f.name] = wide
    return Line(**out)
