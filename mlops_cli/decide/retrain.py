"""Retrain: not at all, later, by hand or automatically; or the data first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

NONE, WAIT, BY_HAND, AUTOMATIC, FIX = "none", "wait", "by-hand", "automatic", "fix-pipeline"
PRIOR_WEIGHT = 0.03  # of the assumed share won back, as a drop that was seen
REMEMBERED = 5  # retrains
FAILURES = 2  # decided retrains in a row that did not help: a person looks


class Past(NamedTuple):
    """An earlier retrain: drop before it, gain in its canary, and whether it helped (None: unclear)."""

    drop: float
    gain: float
    helped: bool | None


@dataclass(frozen=True)
class Evidence:
    """What is known.

    Parameters
    ----------
    drop, low : performance lost since the best accepted level, and the lower bound of it; None: not known
    estimated, estimated_low : the same without labels; None: not known or withdrawn
    pace : of the inputs: shock, fast ...
    labels : with the model's rows since the last training
    labels_since_shock : of them those after a jump; None: there was none
    data_alarms : of broken data inside the would-be training window
    weeks_since : the last retrain
    past : earlier retrains, the newest last
    pending : the canary of the last one is still open

    """

    drop: float | None = None
    low: float | None = None
    estimated: float | None = None
    estimated_low: float | None = None
    pace: str = "unknown"
    labels: int = 0
    labels_since_shock: int | None = None
    data_alarms: tuple[str, ...] = ()
    weeks_since: float = float("inf")
    past: tuple[Past, ...] = ()
    pending: bool = False


@dataclass(frozen=True)
class Rules:
    """What it is weighed with; money None: the drop alone decides.

    Parameters
    ----------
    mode : off, recommend or automatic
    per_error, retrain : cost of a wrong prediction and of a retrain with its canary, in one currency
    traffic : predictions a week
    horizon : weeks over which a new model is counted on
    recovers : share of a drop that a retrain is assumed to win back before any is seen
    min_labels, min_drop, cooldown : labels, performance, weeks

    """

    mode: str = "recommend"
    per_error: float | None = None
    traffic: float | None = None
    retrain: float | None = None
    horizon: float = 8.0
    recovers: float = 0.8
    min_labels: int = 2000
    min_drop: float = 0.0
    cooldown: float = 2.0


class Answer(NamedTuple):
    """What to do, why, the drop from which it pays, and whether labels or an estimate say so."""

    action: str
    reason: str
    need: float | None = None
    basis: str = ""


def helped(gain: float, low: float, high: float, drop: float) -> bool | None:
    """Whether a retrain has helped, from the two models side by side; None: unclear, it counts neither way.

    Parameters
    ----------
    gain, low, high : what the new model has won on the same traffic, with its bounds
    drop : that the retrain was to win back

    """
    if low > 0:
        return True
    return False if gain < 0.1 * drop or high < 0.5 * drop else None


def recovered(past: Sequence[Past], prior: float = 0.8) -> float:
    """Share of a drop that a retrain wins back here: the prior, and what the last ones showed."""
    last = past[-REMEMBERED:]
    lost = sum(max(p.drop, 0.0) for p in last)
    won = sum(min(max(p.gain, 0.0), max(p.drop, 0.0)) for p in last)
    return (prior * PRIOR_WEIGHT + won) / (PRIOR_WEIGHT + lost)


def needed(evidence: Evidence, rules: Rules) -> float:
    """The drop from which a retrain pays within the horizon; `min_drop` alone where a price is not known."""
    if rules.per_error is None or rules.traffic is None or rules.retrain is None:
        return rules.min_drop
    gain = recovered(evidence.past, rules.recovers) * rules.per_error * rules.traffic * rules.horizon
    return max(rules.min_drop, rules.retrain / gain) if gain > 0 else float("inf")


def decide(evidence: Evidence, rules: Rules) -> Answer:
    """The answer, by the first rule that speaks: veto, open canary, payment, patience, failures, mode."""
    if rules.mode == "off":
        return Answer(NONE, "retraining is switched off ([retrain] mode)")
    if evidence.data_alarms:
        broken = ", ".join(evidence.data_alarms)
        return Answer(FIX, f"the data that a retrain would learn from is broken: {broken}")
    if evidence.pending:
        return Answer(WAIT, "the canary of the last retrain is not decided yet")
    labelled = evidence.low is not None
    drop, low = (evidence.drop, evidence.low) if labelled else (evidence.estimated, evidence.estimated_low)
    basis = "realised" if labelled else "estimated"
    if drop is None or low is None:
        moved = evidence.pace in ("shock", "fast")
        said = "no performance is known, neither from labels nor estimated"
        return Answer(
            BY_HAND if moved else NONE, f"{said}; the inputs are {evidence.pace}" if moved else said
        )
    need = needed(evidence, rules)
    if drop < need or low <= 0:
        return Answer(
            NONE, f"the {basis} drop does not pay for a retrain{_why(drop, low, need)}", need, basis
        )
    return _ready(evidence, rules, Answer(AUTOMATIC, f"the {basis} drop pays for a retrain", need, basis))


def _ready(evidence: Evidence, rules: Rules, go: Answer) -> Answer:
    """It pays: is it time, and may a machine start it?"""
    if evidence.weeks_since < rules.cooldown:
        return go._replace(
            action=WAIT, reason=f"cool-down: the last retrain was {evidence.weeks_since:.1f} weeks ago"
        )
    shock = evidence.labels_since_shock
    labels = evidence.labels if shock is None else shock
    if labels < rules.min_labels:
        since = "new labels" if shock is None else "labels since the jump"
        return go._replace(action=WAIT, reason=f"{labels:,} {since}, {rules.min_labels:,} needed")
    failed = 0
    for past in reversed(evidence.past):
        if past.helped:
            break
        failed += past.helped is False
    if failed >= FAILURES:
        return go._replace(
            action=BY_HAND,
            reason=f"the last {failed} retrains did not help: a person must look, it may not be learnable",
        )
    if rules.mode != "automatic":
        return go._replace(action=BY_HAND, reason=f"{go.reason}; [retrain] mode = {rules.mode}")
    if go.basis == "estimated":
        return go._replace(action=BY_HAND, reason=f"{go.reason}, but it is only estimated")
    return go


def _why(drop: float, low: float, need: float) -> str:
    if drop < need:
        return f": {100 * drop:.2g} pp, {100 * need:.2g} pp would"
    return f": it is not certain (at least {100 * low:.2g} pp)"
