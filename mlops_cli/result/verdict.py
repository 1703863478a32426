"""What to do about it: Verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What the verdict asks for."""

    NONE = "none"
    HOLD = "hold"
    RAMP = "ramp"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    READY = "ready"
    NOT_READY = "not-ready"
    REMOVE_OLD = "remove-old"
    RETRAIN = "retrain"
    WAIT = "wait"
    FIX_PIPELINE = "fix-pipeline"
    SET_DEGREE = "set-degree"
    INVESTIGATE = "investigate"


class Degree(StrEnum):
    """How much of the work the machine does."""

    HUMAN_ONLY = "human-only"
    SHADOW = "shadow"
    ASSISTED = "assisted"
    PARTIAL = "partial"
    FULL = "full"


@dataclass(frozen=True)
class Verdict:
    """The decision: `because` holds finding ids, `traffic` is a share in [0, 1]."""

    action: Action
    reason: str
    next_step: str = ""
    automatic: bool = False
    because: tuple[str, ...] = ()
    traffic: float | None = None
    degree: Degree | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report."""
        return {
            "action": self.action.value,
            "reason": self.reason,
            "next_step": self.next_step,
            "automatic": self.automatic,
            "traffic": self.traffic,
            "degree": self.degree.value if self.degree else None,
            "because": list(self.because),
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Verdict":
        """The inverse of `to_dict`."""
        return Verdict(
            Action(data["action"]),
            data["reason"],
            data["next_step"],
            data["automatic"],
            tuple(data["because"]),
            data["traffic"],
            Degree(data["degree"]) if data["degree"] else None,
        )
