"""A line of small bars, one a window: how a series went."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.-=+*#@"
GAP = " "


@dataclass(frozen=True)
class Spark:
    """The bars, and each one's level: `ok`, `warning` ...; empty where it was not judged."""

    bars: str
    levels: tuple[str, ...]


def spark(
    values: Sequence[float | None],
    levels: Sequence[str | None],
    bounds: Sequence[float | None],
    width: int,
    glyphs: str = BLOCKS,
) -> Spark:
    """Bars of a series of windows, at most `width` of them.

    The scale holds the values and the bounds (reference and line), so that a calm series looks calm. Where
    there are more windows than columns, each column shows the window of its share that is furthest from the
    median. A window without a value is a gap.
    """
    known = [v for v in values if v is not None]
    if not known or width < 1:
        return Spark("", ())
    kept = _columns(values, levels, median(known), width)
    scale = known + [b for b in bounds if b is not None]
    low, high = min(scale), max(scale)
    step = (high - low) / (len(glyphs) - 1)
    bars = [GAP if v is None else glyphs[round((v - low) / step) if step > 0 else 0] for v, _ in kept]
    return Spark("".join(bars), tuple(level or "" for _, level in kept))


def _columns(
    values: Sequence[float | None],
    levels: Sequence[str | None],
    middle: float,
    width: int,
) -> list[tuple[float | None, str | None]]:
    pairs = list(zip(values, levels, strict=True))
    if len(pairs) <= width:
        return pairs
    out = []
    for i in range(width):
        share = pairs[i * len(pairs) // width : (i + 1) * len(pairs) // width]
        out.append(max(share, key=lambda p: -1.0 if p[0] is None else abs(p[0] - middle)))
    return out
