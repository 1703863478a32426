"""Words and helpers that the gates share."""

from typing import Any


def ci_of(found: Any) -> tuple[float, float] | None:
    """Two bounds as a pair."""
    return None if found is None else (float(found[0]), float(found[1]))


def percent(value: float) -> str:
    """`85.9 %`."""
    return f"{100 * value:.1f} %"


def points(value: float) -> str:
    """`6.2 pp`, without its sign."""
    return f"{100 * abs(value):.1f} pp"


def span(ci: tuple[float, float] | None) -> str:
    """` [-6.9, -5.5]`, in hundredths; empty where there is none."""
    return "" if ci is None else f" [{100 * ci[0]:.1f}, {100 * ci[1]:.1f}]"
