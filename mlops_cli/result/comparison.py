"""Comparison: control × treatment at one look, as `decide/rollout.py` reads it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Call(StrEnum):
    """What is known of one metric."""

    HARM = "harm"
    SAFE = "safe"
    WORSE = "worse-within-margin"
    BETTER = "better"
    UNKNOWN = "unknown"

    @property
    def passes(self) -> bool:
        """Whether a ramp may go on because of it."""
        return self in (Call.SAFE, Call.BETTER, Call.WORSE)


class State(StrEnum):
    """Whether the comparison itself can be trusted."""

    OK = "ok"
    SRM = "srm"
    UNTESTED = "untested"
    CONFOUNDED = "confounded"
    CONTAMINATED = "contaminated"
    NO_TRAFFIC = "no-traffic"


class Evidence(StrEnum):
    """What the treatment is compared with."""

    CONCURRENT = "concurrent"
    ABSOLUTE = "absolute"
    BEFORE_AFTER = "before-after"
    PAIRED = "paired"


@dataclass(frozen=True)
class Compared:
    """One metric of two arms, or of one and its limit.

    Parameters
    ----------
    name, role, direction : as configured
    verdict : what is known
    reason : why, or why it is unknown, as a sentence with the numbers
    control, treatment : the rate or mean of each arm; None where it has no unit
    estimate, lower, upper : excess of the treatment, harm positive, and its one-sided bounds at the levels of
        a rollback and of a ramp; None where they are not known. Of `log-latency` the log of a ratio
    margin : the excess that is still no worse, in the same unit
    limit : without a control, what must not be exceeded
    log_e_harm, log_e_safe : logs of the evidence that it is worse, and that it is not beyond the margin
    n_control, n_treatment : units
    unit : of the values: `share`, `log ms` ...
    shares : steps of traffic at which the bounded excess is still within the margin
    eta : windows until it is known to be safe if nothing is worse; None: not at the present traffic
    needed : units of the treatment still to come until then
    since : where late harm began, ISO time; empty otherwise
    culprit : named as cause of a rollback, whatever the number of metrics
    hard : windows at the end, in a row, in which the hard limit was exceeded
    weight : part of the evidence for a rollback
    shown : `control`, `treatment`, `estimate`, `lower`, `upper`, `margin`, `limit` as people read them

    """

    name: str
    role: str
    direction: str
    verdict: Call
    reason: str = ""
    control: float | None = None
    treatment: float | None = None
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    margin: float | None = None
    limit: float | None = None
    log_e_harm: float | None = None
    log_e_safe: float | None = None
    n_control: int = 0
    n_treatment: int = 0
    unit: str = "share"
    shares: tuple[float, ...] = ()
    eta: int | None = None
    needed: int | None = None
    since: str = ""
    culprit: bool = False
    hard: int = 0
    weight: float = 1.0
    shown: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report, under `details.rollout.metrics`."""
        return {**asdict(self), "verdict": self.verdict.value, "shares": list(self.shares)}


@dataclass(frozen=True)
class Stratum:
    """The traffic split within one value of a column: `log_e` reaching `enough` is no accident."""

    column: str
    value: str
    n_control: int
    n_treatment: int
    share: float | None
    planned: float | None
    log_e: float
    enough: float
    confounded: bool
    held_errors: float = 0.0  # greatest part of an arm's errors that it held

    @property
    def text(self) -> str:
        """`request_id=absent`."""
        return f"{self.column}={self.value}"


@dataclass(frozen=True)
class Health:
    """Whether the arms can be compared.

    `log_e` is the evidence that the split is not as planned, None where there is no plan; `notes` are
    sentences: a step of the share, a status that only one arm has, what was left out.
    """

    state: State
    log_e: float | None = None
    enough: float = 0.0
    strata: tuple[Stratum, ...] = ()
    contaminated: float = 0.0
    contaminated_units: int = 0
    notes: tuple[str, ...] = ()

    @property
    def confounded(self) -> tuple[Stratum, ...]:
        """Strata whose split is no accident."""
        return tuple(s for s in self.strata if s.confounded)

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report, under `details.rollout.health`."""
        return {
            "state": self.state.value,
            "srm": {
                "log_e": self.log_e,
                "enough": self.enough,
                "ok": None if self.log_e is None else self.log_e < self.enough,
            },
            "strata": [asdict(s) for s in self.strata],
            "contaminated": self.contaminated,
            "contaminated_units": self.contaminated_units,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Comparison:
    """Everything that a decision on traffic is made of, at one look.

    Parameters
    ----------
    control, treatment : names of the arms; control is empty for a new capability
    evidence : what the treatment is compared with
    metrics : guardrails first
    health : of the comparison
    share : of traffic that the treatment has now, as planned or estimated
    log_e_all : log of the average evidence of harm over all guardrails
    windows : first and last that count, ISO times
    n_windows : how many
    silent : arm → windows at the end, in a row, without a row of it; -1: never a row
    units_in_step, windows_in_step : of the treatment at the present share
    elapsed : seconds since the treatment started
    window_seconds : length of a window
    excluded : reason → rows of the treatment left out
    unit : what n counts: `request`, `user_id` ...
    missing : guardrails that were asked for and cannot be had, name → why

    """

    control: str
    treatment: str
    evidence: Evidence
    metrics: tuple[Compared, ...]
    health: Health
    share: float
    log_e_all: float
    windows: tuple[str, str]
    n_windows: int
    silent: Mapping[str, int]
    units_in_step: int
    windows_in_step: int
    elapsed: float
    window_seconds: float
    excluded: Mapping[str, int]
    unit: str = "request"
    missing: Mapping[str, str] | None = None

    def of(self, role: str) -> tuple[Compared, ...]:
        """The metrics of a role."""
        return tuple(m for m in self.metrics if m.role == role)
