"""What a page draws of a report's tables: one axis of time for all of its charts, and distributions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from itertools import pairwise
from typing import Any

from mlops_cli.render.chart import Number, Plot, bars, kept, line, pair
from mlops_cli.render.records import records
from mlops_cli.render.words import clean, day, quantity, zone_of
from mlops_cli.result.report import Report
from mlops_cli.result.scope import from_iso

MARKS = {"alarm": "●", "warning": "▲", "unknown": "?", "ok": "✓"}


@dataclass(frozen=True)
class Chart:
    """A drawing and its labels: ends of the scale, which windows are drawn, and what each of them was."""

    svg: str
    top: str
    bottom: str
    windows: str
    said: str
    alt: str


@dataclass(frozen=True)
class Bars:
    """A distribution beside the baseline's: one drawing of numbers, or a row a category."""

    svg: str
    ends: tuple[str, str]
    rows: tuple[tuple[str, str, str, str], ...]
    baseline: bool


@dataclass(frozen=True)
class Axis:
    """All windows of the report: their places between 0 and 1, their names, and how wide one is."""

    windows: tuple[str, ...]
    at: Mapping[str, float]
    width: float
    names: tuple[str, ...]


class Figures:
    """The drawings of one report."""

    def __init__(self, report: Report) -> None:
        zone = zone_of(report)[1]
        self.axis = _axis(report, zone)
        self._index = {name: i for i, name in enumerate(self.axis.windows)}
        self._series: dict[str, list[Mapping[str, Any]]] = {}
        for row in records(report.table("windows")):
            if row["window"] in self._index:
                self._series.setdefault(str(row["series"]), []).append(row)
        judged = [r["window"] for rows in self._series.values() for r in rows if r["level"] is not None]
        self._judged = min((self._index[w] for w in judged), default=0)
        self._bins: dict[str, list[Mapping[str, Any]]] = {}
        for row in records(report.table("distributions")):
            self._bins.setdefault(str(row["finding"]), []).append(row)

    def chart(self, series: str, unit: str, code: str, reference: Number, bound: Number) -> Chart | None:
        """The windows of a series; None where they are not in the report."""
        rows = self._series.get(series, [])
        if len(rows) < 2:
            return None
        plot = Plot(
            at=[self.axis.at[r["window"]] for r in rows],
            width=self.axis.width,
            values=[r["value"] for r in rows],
            levels=[r["level"] for r in rows],
            lines=[r["threshold"] for r in rows],
            reference=reference,
            line=bound,
            baseline=sum(self._index[r["window"]] < self._judged for r in rows),
        )
        low, high = plot.scale
        shown = kept(plot)
        said = [_said(rows[i], unit, code) for i in shown]
        return Chart(
            line(plot),
            quantity(high, unit, code),
            quantity(low, unit, code),
            _indices([self._index[rows[i]["window"]] for i in shown]),
            "|".join(said),
            f"{clean(code)}: {said[0]} in the first of {len(rows)} windows, {said[-1]} in the last",
        )

    def bars(self, finding: str) -> Bars | None:
        """The distribution of a finding's field; None where it is not in the report."""
        rows = self._bins.get(finding, [])
        if not rows:
            return None
        baseline = [r["baseline"] for r in rows]
        known = any(b is not None for b in baseline)
        if all(r["low"] is None and r["high"] is None for r in rows):
            top = max([r["current"] for r in rows] + [b or 0.0 for b in baseline])
            said = tuple(
                (
                    clean(r["bin"]),
                    quantity(r["baseline"], "share"),
                    quantity(r["current"], "share"),
                    pair(r["baseline"], r["current"], top),
                )
                for r in rows
            )
            return Bars("", ("", ""), said, known)
        ends = (_end(rows[0], "≤ ", "high", "low"), _end(rows[-1], "≥ ", "low", "high"))
        return Bars(bars(baseline, [r["current"] for r in rows]), ends, (), known)


def _said(row: Mapping[str, Any], unit: str, code: str) -> str:
    mark = MARKS.get(row["level"] or "", "")
    value = quantity(row["value"], unit, code)
    return f"{value} {mark}" if mark and mark != "✓" else value


def _end(row: Mapping[str, Any], sign: str, inner: str, outer: str) -> str:
    if row[outer] is None:
        return sign + quantity(row[inner], "")
    return quantity(row[outer], "")


def _indices(shown: list[int]) -> str:
    """`3-17` of windows after each other, else `3,5,8`."""
    if shown == list(range(shown[0], shown[-1] + 1)):
        return f"{shown[0]}-{shown[-1]}"
    return ",".join(map(str, shown))


def _axis(report: Report, zone: tzinfo) -> Axis:
    windows: dict[str, float] = {}
    for row in records(report.table("windows")):
        text = str(row["window"])
        if text not in windows:
            try:
                windows[text] = from_iso(text).timestamp()
            except (ValueError, OverflowError):  # a saved report that another hand has changed
                continue
    order = sorted(windows, key=lambda w: (windows[w], w))
    if not order:
        return Axis((), {}, 1.0, ())
    times = [windows[w] for w in order]
    steps = [b - a for a, b in pairwise(times) if b > a]
    step = min(steps, default=1.0)
    span = times[-1] - times[0] + step
    at = {w: (t - times[0] + step / 2) / span for w, t in zip(order, times, strict=True)}
    names = tuple(day(from_iso(w), zone) for w in order)
    return Axis(tuple(order), at, step / span, names)
