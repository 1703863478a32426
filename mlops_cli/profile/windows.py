"""How long a window is, where nobody said: from the times of the row groups (`conventions.md`)."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.config.section import seconds
from mlops_cli.logs.expressions import available, expression
from mlops_cli.logs.format import Part
from mlops_cli.profile.spec import WindowSpec

SIZES = (86_400, 3_600, 600, 60, 10)  # seconds, the longest first
BETWEEN = (43_200, 21_600, 10_800, 1_800, 300, 30)  # where none of SIZES gives windows with enough rows
WANTED, SOME, FEWEST = 14, 8, 4  # windows
FEW = 8  # row groups: so few that their first and last times say too little
LONGEST = 100_000  # windows; the choice is made long before
ODD = 20  # times the usual length: a row group with a wrong time in it
MAIN_KINDS = ("predictions", "requests", "spans", "gauges", "feedback", "decisions")
TIMES = ("timestamp", "label_time")

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def choose_window(parts: Sequence[Part], size: str, timezone: str, min_rows: int) -> WindowSpec:
    """The size asked for, else the longest of SIZES that gives enough windows with enough rows.

    Enough is 14 windows with a median of `min_rows` rows; else it is the longest that gives 4 windows, else
    the whole log is one. Where those 4 have too few rows, lengths in between are tried, for 14 windows, 8 or
    4 that have enough. Only the main kind of log counts, and only windows with rows.

    Parameters
    ----------
    parts : of all kinds
    size : `auto` or a duration
    timezone : where a day begins
    min_rows : that a window should have

    """
    if size != "auto":
        return WindowSpec(seconds(size), timezone)
    start, end, rows = _times(_main(parts))
    fallback, full = 0, False
    for length in SIZES if len(start) else ():
        counts = _rows(start, end, rows, WindowSpec(length, timezone))
        if len(counts) >= WANTED and np.median(counts) >= min_rows:
            return WindowSpec(length, timezone)
        if len(counts) >= FEWEST and not fallback:
            fallback, full = length, bool(np.median(counts) >= min_rows)
        if len(counts) >= WANTED:  # a shorter window has no more rows
            break
    return WindowSpec((not full and _between(start, end, rows, timezone, min_rows)) or fallback, timezone)


def _between(start: Ints, end: Ints, rows: Floats, timezone: str, min_rows: int) -> int:
    """The longest of all lengths that gives several windows with enough rows; 0: there is none."""
    full = {}
    for length in sorted((*SIZES, *BETWEEN), reverse=True) if len(start) else ():
        counts = _rows(start, end, rows, WindowSpec(length, timezone))
        if len(counts) and np.median(counts) >= min_rows:
            full[length] = len(counts)
        elif len(counts) >= WANTED:
            break
    return next((n for least in (WANTED, SOME, FEWEST) for n, had in full.items() if had >= least), 0)


def _main(parts: Sequence[Part]) -> list[Part]:
    """The parts of the first kind of log that has times."""
    timed = [p for p in parts if p.rows and (p.times or p.start is not None)]
    kind = next((k for k in MAIN_KINDS if any(p.kind == k for p in timed)), "")
    return [p for p in timed if p.kind == kind]


def _times(parts: Sequence[Part]) -> tuple[Ints, Ints, Floats]:
    """First time, last time (us) and rows of stretches of the log: row groups, or single times read."""
    told = [(i, *t) for i, p in enumerate(parts) for t in (p.times or _whole(p)) if t[2]]
    if not told:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    of, start, end, rows = (np.array(column, np.int64) for column in zip(*told, strict=True))
    span = end - start
    looked = set(of.tolist()) if len(told) < FEW else set(of[span > ODD * np.median(span)].tolist())
    kept = ~np.isin(of, list(looked))
    stretches = [(start[kept], end[kept], rows[kept].astype(np.float64))]
    for i in sorted(looked):
        times = _read(parts[i])
        stretches.append((times, times, np.full(len(times), parts[i].rows / max(len(times), 1))))
    starts, ends, many = zip(*stretches, strict=True)
    return np.concatenate(starts), np.concatenate(ends), np.concatenate(many)


def _whole(part: Part) -> tuple[tuple[int, int, int], ...]:
    if part.start is None or part.end is None:
        return ()
    return ((round(part.start.timestamp() * 1e6), round(part.end.timestamp() * 1e6), part.rows),)


def _read(part: Part) -> Ints:
    """The times of a file (every so many rows of a long one), but for the most extreme thousandth, or one."""
    name = next((n for n in TIMES if n in available(part)), None)
    if name is None:
        return np.zeros(0, np.int64)
    step = max(part.rows // 200_000, 1)
    frame = (
        pl.scan_parquet(part.path, glob=False).select(expression(part, name).alias("t")).gather_every(step)
    )
    times: Ints = np.sort(frame.collect()["t"].drop_nulls().to_physical().to_numpy())
    cut = max(len(times) // 1_000, int(len(times) >= 20))
    return times[cut : len(times) - cut]


def _rows(start: Ints, end: Ints, rows: Floats, spec: WindowSpec) -> Floats:
    """Rows of every window that has any: those of a stretch lie evenly over it."""
    low, high = int(start.min()), int(end.max())
    if (high - low) // (spec.seconds * 1_000_000) > LONGEST:
        return np.zeros(0)  # a wrong time among them
    edges = np.array(spec.starts(low, high), np.int64)
    first = np.searchsorted(edges, start, side="right") - 1
    last = np.searchsorted(edges, end, side="right") - 1
    within = first == last
    counts: Floats = np.bincount(first[within], rows[within], len(edges)).astype(np.float64)
    for i in np.flatnonzero(~within):
        a, b = first[i], last[i] + 1
        inner = np.concatenate([start[i : i + 1], edges[a + 1 : b], end[i : i + 1]])
        counts[a:b] += rows[i] * np.diff(inner) / (end[i] - start[i])
    return counts[counts > 0]
