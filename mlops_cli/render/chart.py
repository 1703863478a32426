"""Inline SVG: a series of windows as a line, shares of bins as bars; numbers and class names only, no text.

A drawing is stretched to its place, so strokes keep their width (`non-scaling-stroke`), a dot is a line of no
length with round ends, and every label is HTML beside it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from statistics import median

WIDE, HIGH = 600, 100  # units of a drawing
MOST = 160  # windows drawn; more have no pixel of their own
PAD = 0.06  # of the height, above and below
FROM_ZERO = 0.5  # a scale that begins below this part of its end begins at 0
RANK = {"alarm": 3, "warning": 2, "unknown": 1}

Number = float | None
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Plot:
    """One series.

    Parameters
    ----------
    at : place of each window on the axis, 0 to 1, ascending
    width : of a window on that axis
    values, levels, lines : of each window: measured, judged (None: not judged), the line it was judged by
    reference : the baseline's value
    line : the newest line, drawn where a judged window names none
    baseline : how many windows lie before the judged range

    """

    at: Sequence[float]
    width: float
    values: Sequence[Number]
    levels: Sequence[str | None]
    lines: Sequence[Number]
    reference: Number = None
    line: Number = None
    baseline: int = 0

    @property
    def judged(self) -> int:
        """Position of the first judged window; their number where none is."""
        return next((i for i, level in enumerate(self.levels) if level is not None), len(self.levels))

    @property
    def scale(self) -> tuple[float, float]:
        """Least and greatest number that the drawing shows."""
        known = [*_known(self.values), *_known([*self.lines, self.reference, self.line])]
        if not known:
            return 0.0, 1.0
        low, high = min(known), max(known)
        if 0 <= low < FROM_ZERO * high:
            low = 0.0
        if low == high:
            low, high = (low - abs(low) / 2, high + abs(high) / 2) if low else (0.0, 1.0)
        return low, high


def kept(plot: Plot, most: int = MOST) -> list[int]:
    """Windows that are drawn: of each share the worst, then the one furthest from the median."""
    n = len(plot.values)
    if n <= most:
        return list(range(n))
    known = _known(plot.values)
    middle = median(known) if known else 0.0

    def worst(i: int) -> tuple[int, float]:
        value = plot.values[i]
        return RANK.get(plot.levels[i] or "", 0), -1.0 if value is None else abs(value - middle)

    return [max(range(i * n // most, (i + 1) * n // most), key=worst) for i in range(most)]


def line(plot: Plot) -> str:
    """The series with incidents shaded, the baseline's band, the line it is judged by, and marks."""
    low, high = plot.scale
    size = high - low

    def x(position: float) -> float:
        return position * WIDE

    def y(value: float) -> float:
        share = (value - low) / size if size and isfinite(size) else 0.5
        return HIGH * (1 - PAD - (1 - 2 * PAD) * min(max(share, 0.0), 1.0))

    drawn = kept(plot)
    parts = [
        *_incidents(plot),
        *_band(plot, y),
        *_lines(plot, x, y),
        _path("value", _runs([(plot.at[i], plot.values[i]) for i in drawn], x, y)),
    ]
    for level in ("warning", "alarm"):
        spots = [i for i in drawn if plot.levels[i] == level and _is(plot.values[i])]
        dots = "".join(f"M{_n(x(plot.at[i]))} {_n(y(plot.values[i] or 0.0))}h0" for i in spots)
        parts.append(_path(f"dot {level}", dots))
    return _svg("".join(parts))


def bars(baseline: Sequence[Number], current: Sequence[float]) -> str:
    """Shares of bins side by side: the baseline as an outline, now as bars."""
    top = max([*current, *_known(baseline)], default=0.0) or 1.0
    width = WIDE / max(len(current), 1)
    gap = min(width * 0.12, 3.0)

    def y(share: float) -> float:
        return HIGH * (1 - 0.97 * share / top)

    now = "".join(
        f"M{_n(i * width + gap)} {HIGH}V{_n(y(s))}h{_n(width - 2 * gap)}V{HIGH}z"
        for i, s in enumerate(current)
        if s > 0
    )
    steps = "".join(f"V{_n(y(s or 0.0))}H{_n((i + 1) * width)}" for i, s in enumerate(baseline))
    before = f"M0 {HIGH}{steps}V{HIGH}" if any(_is(s) for s in baseline) else ""
    return _svg(_path("now", now) + _path("before", before))


def pair(baseline: Number, current: float, top: float) -> str:
    """One category: the baseline's share as a thin bar above that of now."""
    top = top or 1.0
    before = f"M0 0h{_n(WIDE * baseline / top)}v34H0z" if baseline else ""
    now = f"M0 44h{_n(WIDE * current / top)}V100H0z" if current else ""
    return _svg(_path("old", before) + _path("now", now))


def meter(share: Number) -> str:
    """How far a value has come to its line: full at the line."""
    filled = min(max(share or 0.0, 0.0), 1.0)
    return _svg(
        _path("full", f"M0 0h{WIDE}v{HIGH}H0z") + _path("used", f"M0 0h{_n(filled * WIDE)}v{HIGH}H0z")
    )


def _incidents(plot: Plot) -> Iterator[str]:
    """Runs of windows beyond their line, behind everything else."""
    at = 0
    for level, run in groupby(plot.levels):
        n = len(list(run))
        if level in {"alarm", "warning"}:
            left = max(plot.at[at] - plot.width / 2, 0.0) * WIDE
            right = min(plot.at[at + n - 1] + plot.width / 2, 1.0) * WIDE
            yield _path(f"incident {level}", f"M{_n(left)} 0H{_n(right)}V{HIGH}H{_n(left)}z")
        at += n


def _band(plot: Plot, y: Scale) -> Iterator[str]:
    """Between which values the windows before the first judged one lay; their times as a tinted stretch."""
    if not 0 < plot.baseline < len(plot.levels):
        return
    right = (plot.at[plot.baseline - 1] + plot.width / 2) * WIDE
    yield _path("base", f"M0 0H{_n(right)}V{HIGH}H0z")
    before = _known(plot.values[: plot.baseline])
    if before:
        top, bottom = y(max(before)), y(min(before))
        height = max(bottom - top, 1.2)  # a constant is seen, too
        yield _path("band", f"M0 {_n(top)}h{WIDE}v{_n(height)}H0z")


def _lines(plot: Plot, x: Scale, y: Scale) -> Iterator[str]:
    """The baseline, and the lines: a window's is that of its level, so the warning's stands on its own."""
    if _is(plot.reference):
        yield _path("reference", f"M0 {_n(y(plot.reference or 0.0))}h{WIDE}")
    first = plot.judged
    alarms: list[Number] = [
        None if n == "warning" else v for v, n in zip(plot.lines, plot.levels, strict=True)
    ]
    if not _known(alarms[first:]):
        alarms = [plot.line if level is not None else None for level in plot.levels]
        if "warning" in plot.levels:
            alarms = [None] * len(alarms)
        elif first == len(alarms):
            alarms = [plot.line] * len(alarms)
    bridged: list[Number] = []
    for i, (value, level) in enumerate(zip(alarms, plot.levels, strict=True)):
        before = bridged[-1] if bridged else None
        bridged.append(before if level == "warning" and i else value)
    warnings: list[Number] = [
        v if n == "warning" else None for v, n in zip(plot.lines, plot.levels, strict=True)
    ]
    yield _path("bound", _steps(plot, bridged, x, y))
    yield _path("bound warning", _steps(plot, warnings, x, y))


def _steps(plot: Plot, lines: Sequence[Number], x: Scale, y: Scale) -> str:
    """Level from edge to edge of each window; windows after each other with one level are one stroke."""
    out: list[str] = []
    pen, last = -2, ""
    for i, value in enumerate(lines):
        if value is None or not isfinite(value):
            continue
        right = _n(min(x(plot.at[i] + plot.width / 2), WIDE))
        level = _n(y(value))
        if pen == i - 1 and level == last:
            out[-1] = f"H{right}"
        else:
            out += [f"M{_n(max(x(plot.at[i] - plot.width / 2), 0.0))} {level}", f"H{right}"]
        pen, last = i, level
    return "".join(out)


def _runs(points: Sequence[tuple[float, Number]], x: Scale, y: Scale) -> str:
    """A path that breaks where a window has no value; a window alone is a dash of no length."""
    out, pen = [], False
    for place, value in points:
        if not _is(value):
            pen = False
            continue
        out.append(f"{'L' if pen else 'M'}{_n(x(place))} {_n(y(value or 0.0))}")
        if not pen:
            out.append("h0")
        pen = True
    return "".join(out)


def _known(values: Sequence[Number]) -> list[float]:
    return [v for v in values if v is not None and isfinite(v)]


def _is(value: Number) -> bool:
    return value is not None and isfinite(value)


def _n(value: float) -> str:
    """One digit behind the point is a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def _path(kind: str, data: str) -> str:
    return f'<path class="{kind}" d="{data}"/>' if data else ""


def _svg(body: str) -> str:
    return f'<svg viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" aria-hidden="true">{body}</svg>'


def whisker(lower: Number, middle: Number, upper: Number, margin: Number) -> str:
    """An estimate between its bounds, beside no change and what is no harm; an unknown end is open."""
    known = _known([lower, middle, upper, margin, 0.0])
    reach = max((abs(v) for v in known), default=0.0) * 1.15 or 1.0

    def x(value: Number, end: float) -> float:
        return WIDE * (0.5 + value / reach / 2) if value is not None and isfinite(value) else end

    parts = [_path("reference", f"M{WIDE / 2:.0f} 0V{HIGH}")]
    if _is(margin):
        parts.append(_path("bound", f"M{_n(x(margin, WIDE))} 0V{HIGH}"))
    if _is(middle):
        parts.append(_path("span", f"M{_n(x(lower, 0.0))} {HIGH / 2:.0f}H{_n(x(upper, float(WIDE)))}"))
        parts.append(_path("dot value", f"M{_n(x(middle, 0.0))} {HIGH / 2:.0f}h0"))
    return _svg("".join(parts))
