"""What only `pace` and `retrain` know: how fast each thing moves, and what to do about it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from dataclasses import field as made
from typing import Any

# One row a field, the score, the prediction and the model's metric, the fastest first.
PACE = (
    "what", "field", "kind", "size", "unit", "since", "width", "weeks_to_warn", "season", "p", "smallest",
    "why",
)  # fmt: skip


@dataclass(frozen=True)
class Mover:
    """How one thing moves.

    Parameters
    ----------
    what : input, output or model
    field : or the metric's code
    kind : unknown, still, recurring, shock, small jump, passing shock, fast, slow, suspected shock
    size : of the change, in `unit`: JS distance, or that of the metric; None where there is none
    since : ISO start of the window where it began; width in windows
    weeks_to_warn : until its warning line at this pace
    season : size of what recurs; None where nothing does
    p : chance of as good a shape without any change
    smallest : a drift below it would not have been seen
    why : where it is unknown
    curve : lag in windows → signed root of the divergence beyond sampling
    """

    what: str
    field: str
    kind: str
    size: float | None
    unit: str
    since: str | None
    width: int | None
    weeks_to_warn: float | None
    season: float | None
    p: float | None
    smallest: float | None
    why: str = ""
    curve: Mapping[int, float] = made(default_factory=dict)

    def row(self) -> tuple[Any, ...]:
        """Of the table `pace`."""
        return tuple(getattr(self, name) for name in PACE)


@dataclass(frozen=True)
class Pace:
    """How fast these logs change.

    Parameters
    ----------
    kind : of the fastest
    movers : the fastest first
    windows, window : how many, of which length
    metric : whose half-life it is
    half_life_weeks : estimate, and its 90 % bounds `half_life_low`, `half_life_high`; None: it does not fall
    look_weeks, retrain_weeks : how often; None: on evidence only
    advice : in words
    unexpected : fields that move faster than `[pace] expect`
    choices : the sentences that stand in the first lines

    """

    kind: str
    movers: tuple[Mover, ...]
    windows: int
    window: str
    metric: str
    half_life_weeks: float | None
    half_life_low: float | None
    half_life_high: float | None
    look_weeks: float | None
    retrain_weeks: float | None
    advice: str
    unexpected: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report."""
        return asdict(self)


@dataclass(frozen=True)
class Retrain:
    """Whether to retrain, and on what.

    Parameters
    ----------
    action : none, wait, by-hand, automatic or fix-pipeline
    metric : the drop of which decides
    drop, low, need : lost, at least lost, and lost enough to pay; in the unit of the metric
    basis : realised or estimated; empty: nothing is known
    pace : of the inputs
    train_from, train_to : ISO times of the rows to learn from; `exclude` windows with broken data
    rows, new_labels : in them
    cost_of_waiting_per_week, retrain_cost : money; None where no price is known
    cost_low, cost_high : interval of the cost of waiting
    cooldown_until : ISO time
    past : earlier retrains as the decisions have them
    trigger : what `--emit trigger=PATH` writes
    choices : the sentences that stand in the first lines

    """

    action: str
    automatic: bool
    reason: str
    metric: str
    drop: float | None
    low: float | None
    need: float | None
    basis: str
    pace: str
    train_from: str | None
    train_to: str | None
    exclude: tuple[str, ...]
    rows: int
    new_labels: int
    cost_of_waiting_per_week: float | None
    cost_low: float | None
    cost_high: float | None
    retrain_cost: float | None
    cooldown_until: str | None
    past: tuple[Mapping[str, Any], ...]
    trigger: Mapping[str, Any]
    choices: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report."""
        return asdict(self)
