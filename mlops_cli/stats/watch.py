"""Watch: many series judged window by window, each with only what was known before it.

Two eyes share the promise half and half: the jump eye holds a window against its one-step forecast, the drift
eye adds up evidence against an old line. An incident is told against the line frozen when it opened.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.block import judge_block
from mlops_cli.stats.eyes import Eyes
from mlops_cli.stats.fits import WANDERS
from mlops_cli.stats.line import Line, fit_line
from mlops_cli.stats.ordered import median
from mlops_cli.stats.rare import FEW, Rare, fit_rare
from mlops_cli.stats.season import choose
from mlops_cli.stats.snapshot import restore, snapshot
from mlops_cli.stats.watched import Batch, Promise, State, Watched

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REFITS = 7  # fits between two choices of the season
ACCEPTED = 60  # windows after an acceptance in which the jump is estimated again
LEAST_HISTORY = 14  # windows
PIECE = 100  # series fitted at a time: their arrays stay in the processor's cache


def watch(batch: Batch, how: Promise) -> Watched:
    """Judge every window of every series.

    Parameters
    ----------
    batch : the series
    how : promise and memory

    Returns
    -------
    Watched

    """
    return resume(batch, how, None)[0]


def resume(
    batch: Batch, how: Promise, kept: Mapping[str, NDArray[Any]] | None
) -> tuple[Watched, dict[str, NDArray[Any]]]:
    """Judge the windows after those of a snapshot.

    Parameters
    ----------
    batch : all windows, those of the snapshot too, unchanged
    how : promise and memory
    kept : a snapshot; None: from the first window on

    Returns
    -------
    watched, snapshot
        As if all had been judged at once; the snapshot is from before the last block, which may be cut off.

    """
    state, first = (State(batch, how), how.warmup) if kept is None else restore(batch, how, kept)
    windows = batch.y.shape[1]
    starts = list(range(first, windows, how.block))
    last: dict[str, NDArray[Any]] = dict(kept or {})
    for start in starts:
        if start == starts[-1]:
            last = snapshot(state, start)
        _judge(state, start, min(start + how.block, windows))
    return state.seen, last


def _judge(state: State, start: int, stop: int) -> None:
    how = state.how
    past = state.learnt[:, max(0, start - how.memory) : start]
    enough = np.count_nonzero(~np.isnan(past), axis=1) >= min(how.warmup, LEAST_HISTORY)
    rows = np.flatnonzero(enough & (state.first + how.warmup <= start))
    if len(rows):
        _stretch(state, rows, start, stop, state.pool.largest(start))


def _stretch(
    state: State, rows: Ints, start: int, stop: int, largest: tuple[Floats, Ints], *, again: bool = False
) -> None:
    """Fit some series at `start` and judge them up to `stop`."""
    how = state.how
    _settle(state, rows, start)
    line, rare = _fit(state, rows, start, (largest[0][rows], largest[1][rows]))
    # A wandering series has no fixed reference: the drift eye's line is a near one.
    steady = np.clip(1 - line.coef.sum(axis=1) / WANDERS, 0, 1)
    back = np.minimum(how.lag, how.lag_share * (start - state.first[rows])) * steady
    far, far_rare = state.fits.far(rows, start - back.astype(np.int64), line, rare)
    state.fits.keep(rows, start, line, rare, again=again)
    for moved, at in judge_block(state, Eyes(rows, line, far, rare, far_rare), start, stop):
        if at + 1 < stop:  # a shift was taken as the new normal: the rest of the block with a new line
            _stretch(state, moved, at + 1, stop, largest, again=True)


def _settle(state: State, rows: Ints, start: int) -> None:
    """After an acceptance the new level gets surer as windows come."""
    recent = max(ACCEPTED, 7 * state.how.per_day)
    first = max(0, start - state.how.memory)
    accepted = state.accepted[rows]
    for s in rows[(accepted >= 0) & (start - accepted <= recent)].tolist():
        since = max(int(state.accepted[s]) - first, 0)
        line = state.fits.lines[-1]
        season = line.season[s, state.batch.calendar.of_week[first:start]]
        rest = state.learnt[s, first:start] - line.level[s] - season
        if not (np.isnan(rest[since:]).all() or np.isnan(rest[:since]).all()):
            jump = float(np.nanmedian(rest[since:]) - np.nanmedian(rest[:since]))
            state.move(s, int(state.accepted[s]), jump)


def _fit(state: State, rows: Ints, start: int, pool: tuple[Floats, Ints]) -> tuple[Line, Rare | None]:
    """The lines of some series on their history before `start`, and the rates of those that are rare."""
    batch, fits = state.batch, state.fits
    first = max(0, start - state.how.memory)
    calendar = batch.calendar.part(first, start)
    h = state.learnt[rows, first:start]
    fits.refits[rows] -= 1
    again = np.flatnonzero(fits.refits[rows] < 0)
    if len(again):
        for k in range(0, len(again), PIECE):
            some = again[k : k + PIECE]
            fits.kind[rows[some]] = choose(h[some] - median(h[some])[:, None], calendar)
        fits.refits[rows[again]] = REFITS - 1
    sampling, kinds = batch.sampling[rows, first:start], fits.kind[rows]
    pieces = [slice(k, k + PIECE) for k in range(0, len(rows), PIECE)]
    lines = [fit_line(h[k], sampling[k], calendar, kinds[k], (pool[0][k], pool[1][k])) for k in pieces]
    line = Line(*(np.concatenate([getattr(p, f.name) for p in lines]) for f in dataclasses.fields(Line)))
    if batch.events is None or batch.exposure is None:
        return line, None
    there, events = ~np.isnan(h), batch.events[rows, first:start]
    few = median(np.where(there, events, np.nan)) < FEW
    if not few.any():
        return line, None
    rare = fit_rare(events[few], batch.exposure[rows, first:start][few], there[few], calendar)
    out = Rare(*(np.full((len(rows), *a.shape[1:]), np.nan) for a in vars(rare).values()))
    for name, values in vars(rare).items():
        getattr(out, name)[few] = values
    return line, out
