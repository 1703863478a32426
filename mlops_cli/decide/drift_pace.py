"""How fast the data changes → how often to look, and to retrain."""

from typing import NamedTuple

SOON = 4.0  # looks in the time until a warning
DAILY = 1 / 7  # weeks
AFTER_SHOCK = 4.0  # weeks with a look in every window
ORDER = ("still", "recurring", "small jump", "slow", "passing shock", "fast", "suspected shock", "shock")


class Cadence(NamedTuple):
    """Weeks between looks and between retrains (None: on evidence only), and both in words."""

    look: float | None
    retrain: float | None
    said: str


def cadence(
    kind: str,
    weeks_to_warn: float | None,
    window_weeks: float,
    half_life: float | None,
    cheapest: float | None,
    why: str = "",
) -> Cadence:
    """How often.

    Parameters
    ----------
    kind : of the fastest field
    weeks_to_warn : of it
    window_weeks : length of a window
    half_life : of the model, weeks; None: it does not fall
    cheapest : weeks between retrains that cost least, where prices are known
    why : the pace is unknown

    """
    retrain = cheapest if cheapest is not None else half_life / 2 if half_life is not None else None
    again = "retrain when the evidence says so" if retrain is None else f"retrain every {_weeks(retrain)}"
    if kind in ("shock", "suspected shock"):
        wait = "a jump has no pace: wait for labels after it, then ask `mlops retrain`"
        return Cadence(window_weeks, None, f"look at every window for {AFTER_SHOCK:.0f} weeks; {wait}")
    if kind == "passing shock":
        return Cadence(
            window_weeks, retrain, f"it has passed: leave its windows out of the training; {again}"
        )
    if kind in ("fast", "slow") and weeks_to_warn is not None:
        look = max(weeks_to_warn / SOON, 0.0)
        look = min(look, DAILY) if kind == "fast" else max(look, window_weeks)
        return Cadence(look, retrain, f"look every {_weeks(look)}; {again}")
    if kind == "recurring":
        season = "train on whole seasons, or give the model the season"
        return Cadence(None, retrain, f"{season}; {again}")
    if kind == "unknown":
        return Cadence(None, retrain, f"it cannot be told yet: {why or 'too few windows'}; {again}")
    return Cadence(None, retrain, f"it changes too little to need a rhythm; {again}")


def unexpected(kinds: dict[str, str], expect: str) -> tuple[str, ...]:
    """Fields that move faster than was expected."""
    if expect == "auto":
        return ()
    most = ORDER.index(expect)
    return tuple(name for name, kind in kinds.items() if kind in ORDER and ORDER.index(kind) > most)


def _weeks(weeks: float) -> str:
    if weeks < 1:
        days = max(round(weeks * 7), 1)
        return "day" if days == 1 else f"{days} days"
    return "week" if round(weeks) == 1 else f"{weeks:.0f} weeks"
