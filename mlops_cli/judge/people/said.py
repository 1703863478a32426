"""Numbers of a comparison as JSON has them: plain Python, null where there is none."""

import math
from collections.abc import Sequence
from typing import Any

from mlops_cli.stats.agreement import Coefficient
from mlops_cli.stats.proportion import Interval, wilson


def number(value: Any) -> float | None:
    """A finite float, or None."""
    if value is None:
        return None
    out = float(value)
    return out if math.isfinite(out) else None


def pair(interval: Interval | Sequence[float]) -> list[float] | None:
    """Two bounds, or None where one of them is missing."""
    low, high = (number(x) for x in interval)
    return None if low is None or high is None else [low, high]


def coefficient(found: Coefficient) -> dict[str, Any]:
    """A coefficient with its interval; why there is none."""
    said: dict[str, Any] = {
        "value": number(found.value),
        "se": number(found.se),
        "ci": pair(found.interval),
    }
    if found.reason:
        said["reason"] = found.reason
    return said


def share(k: float, n: int, level: float) -> dict[str, Any]:
    """A proportion with Wilson's interval; null where nothing was counted."""
    if not n:
        return {"value": None, "ci": None, "k": 0, "n": 0}
    return {"value": k / n, "ci": pair(wilson(k, n, level)), "k": int(k), "n": n}
