"""Threshold: one line of `mlops.toml`, and the number it comes to for a measurement."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_cli.config.section import Adapt, sigmas
from mlops_cli.config.settings import Line
from mlops_cli.result.finding import Level, Rule

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Threshold:
    """One bound of one level.

    Parameters
    ----------
    level : warning or alarm
    rule : fixed (absolute) or relative (against the baseline)
    amount : the number itself, or the change
    unit : "" (the metric's own unit) or "%" (a share of the baseline's value)
    upward : the side that is bad

    """

    level: Level
    rule: Rule
    amount: float
    unit: str
    upward: bool

    def at(self, reference: Floats) -> Floats:
        """The line in the metric's unit; NaN where it needs a baseline that is not there."""
        if self.rule is Rule.FIXED:
            return np.full(reference.shape, self.amount)
        change = np.abs(reference) * self.amount if self.unit == "%" else self.amount
        return reference + change

    def broken(self, size: Floats, line: Floats) -> Bools:
        """Where `size` is beyond `line`; NaN is never beyond."""
        return size > line if self.upward else size < line


def thresholds(line: Line, direction: str) -> tuple[Threshold, ...]:
    """Every bound of a metric's lines, alarms first.

    A number is absolute and lies on the side that is bad for the metric ("both": above); a text is a
    change against the baseline, and its sign is its side. Adaptive bounds and sigmas are of `adaptive.py`.
    """
    out: list[Threshold] = []
    for level, bound in ((Level.ALARM, line.alarm), (Level.WARNING, line.warn)):
        if bound is None:
            continue
        several = bound if isinstance(bound, tuple) else (bound,)
        out.extend(
            _threshold(level, one, direction)
            for one in several
            if not isinstance(one, Adapt) and np.isnan(sigmas(one))
        )
    return tuple(out)


def _threshold(level: Level, bound: float | str, direction: str) -> Threshold:
    if not isinstance(bound, str):
        return Threshold(level, Rule.FIXED, float(bound), "", direction != "down")
    number = float(bound.rstrip("%p "))
    if bound.endswith("%"):
        return Threshold(level, Rule.RELATIVE, number / 100, "%", number >= 0)
    scale = 100 if bound.endswith("pp") else 1
    return Threshold(level, Rule.RELATIVE, number / scale, "", not bound.startswith("-"))
