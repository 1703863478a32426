"""What is known of one metric of two arms, as a sentence with its numbers."""

from datetime import UTC, datetime
from math import exp

from mlops_cli.result.comparison import Call, Compared
from mlops_cli.result.scope import iso

LOGS = ("log-latency",)


def value_text(found: Compared, value: float | None) -> str:
    """A rate in percent, a mean with its unit."""
    if value is None:
        return "?"
    if found.unit == "share":
        return f"{value:.3%}" if abs(value) < 0.1 else f"{value:.1%}"
    return f"{value:.4g} {found.unit}".strip()


def change_text(found: Compared, value: float | None) -> str:
    """An excess: percentage points of a rate, percent of a latency."""
    if value is None:
        return "?"
    if found.name in LOGS:
        return f"{exp(min(value, 50)) - 1:+.1%}"
    if found.unit == "share":
        return f"{100 * value:+.3f} pp" if abs(value) < 0.01 else f"{100 * value:+.1f} pp"
    return f"{value:+.4g} {found.unit}".strip()


def moment_text(us: int) -> str:
    """Microseconds as an ISO text."""
    return iso(datetime.fromtimestamp(us // 1_000_000, UTC))


def sentence(found: Compared, call: Call, enough_harm: float, enough_safe: float) -> str:
    """Estimate, bound, margin, and the evidence that decided: the logarithm of an e-value."""
    harm, safe = found.log_e_harm or 0.0, found.log_e_safe or 0.0
    of_harm = f"evidence {harm:.1f}, {enough_harm:.1f} is enough"
    not_yet = (
        f"not known yet (evidence that it is safe {max(safe, 0):.1f} of {enough_safe:.1f}, "
        f"that it harms {max(harm, 0):.1f} of {enough_harm:.1f})"
    )
    if found.control is None:
        have = f"{value_text(found, found.treatment)}, the limit is {value_text(found, found.limit)}"
        if call is Call.HARM:
            return f"{have}: beyond it ({of_harm})"
        return (
            f"{have}: below it (evidence {safe:.1f}, {enough_safe:.1f} is enough)"
            if call.passes
            else f"{have}: {not_yet}"
        )
    low, high, margin = (change_text(found, v) for v in (found.lower, found.upper, found.margin))
    pair = (
        f"{value_text(found, found.control)} → {value_text(found, found.treatment)} "
        f"({change_text(found, found.estimate)})"
    )
    moved = "it moved" if found.direction == "both" else "it is worse"
    since = f" since {found.since}" if found.since else ""
    said = {
        Call.HARM: f"{pair}, up to {margin} is no harm: {moved}{since} ({of_harm})",
        Call.WORSE: f"{pair}, at least {low}: worse, but at most {high}, and up to {margin} is no harm",
        Call.BETTER: f"{pair}, at most {high}: better",
        Call.SAFE: f"{pair}, at most {high}, and up to {margin} is no harm",
        Call.UNKNOWN: f"{pair}, at most {high}, and up to {margin} is no harm: {not_yet}",
    }
    return said[call]


def texts(found: Compared) -> dict[str, str]:
    """The numbers that are known, as people read them."""
    values = {"control": found.control, "treatment": found.treatment, "limit": found.limit}
    changes = {"estimate": found.estimate, "lower": found.lower, "upper": found.upper, "margin": found.margin}
    return {
        **{k: value_text(found, v) for k, v in values.items() if v is not None},
        **{k: change_text(found, v) for k, v in changes.items() if v is not None},
    }
