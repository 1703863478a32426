"""How much performance was lost since the baseline, and at least how much for sure."""

from dataclasses import dataclass

import numpy as np
import polars as pl

DEVIATE = 1.959964  # 95 %, both sides
SURE = 2.326348  # 99 %, one side
RECENT = 4  # windows whose mean is compared
LEAST = 2
WHOLE = 3  # windows of the baseline from which they are seen to differ beyond chance


@dataclass(frozen=True)
class Drop:
    """Lost performance in the metric's unit, its lower and upper bound; the windows it was measured in."""

    value: float
    low: float
    high: float
    windows: tuple[int, ...]


def realised(
    series: pl.DataFrame, baseline: tuple[int, ...], judged: tuple[int, ...], bad: str
) -> Drop | None:
    """The loss over the last windows with labels; None below two of them, or without a baseline.

    The bounds know that windows differ by more than chance: by as much as those of the baseline do.

    Parameters
    ----------
    series : measurements of one metric: window, value, low, high, reference
    baseline, judged : starts of windows
    bad : the side that is bad: `down` or `up`

    """
    known = series.drop_nulls(["value", "low", "high", "reference"]).sort("window")
    last = known.filter(pl.col("window").is_in(list(judged))).tail(RECENT)
    if last.height < LEAST:
        return None
    sign = 1.0 if bad == "down" else -1.0
    lost = sign * (last["reference"] - last["value"]).to_numpy()
    own = (last["high"] - last["low"]).to_numpy() / 2 / DEVIATE
    base = known.filter(pl.col("window").is_in(list(baseline)))
    beyond, usual = 0.0, 0.0
    if base.height >= WHOLE:
        chance = ((base["high"] - base["low"]).to_numpy() / 2 / DEVIATE) ** 2
        beyond = max(0.0, float(np.var(base["value"].to_numpy(), ddof=1) - chance.mean()))
        usual = float((chance.mean() + beyond) / base.height)
    # Losses that fall apart among themselves are not sure, either.
    apart = max(0.0, float(np.var(lost, ddof=1) - (own**2).mean()))
    se = float(np.sqrt(((own**2).mean() + max(beyond, apart)) / len(lost) + usual))
    value = float(lost.mean())
    return Drop(value, value - SURE * se, value + SURE * se, tuple(last["window"].to_list()))


def estimated(series: pl.DataFrame, judged: tuple[int, ...], bad: str = "down") -> Drop | None:
    """The loss that the last estimates let expect; None where none is shown, or it has no band."""
    known = series.drop_nulls(["value", "low", "high", "reference"])
    last = known.filter(pl.col("window").is_in(list(judged))).sort("window").tail(RECENT)
    if last.is_empty():
        return None
    mean = {c: float(last[c].mean() or 0.0) for c in ("value", "low", "high", "reference")}  # type: ignore[arg-type]
    sign = 1.0 if bad == "down" else -1.0
    lost, *ends = (sign * (mean["reference"] - mean[c]) for c in ("value", "high", "low"))
    return Drop(lost, min(ends), max(ends), tuple(last["window"]))
