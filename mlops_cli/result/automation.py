"""What only `shadow-compare` and `automation` know: the comparison with people, gates, degrees."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Answer(StrEnum):
    """Of a gate; unknown has a reason and is never a pass."""

    PASS = "pass"  # noqa: S105 - a word
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Gate:
    """One thing that has to hold before a degree.

    Parameters
    ----------
    name : as printed
    degree : the degree that it guards
    status : pass, fail or unknown
    evidence : whether it speaks of how good the model is; else of how it is run, and bounds only what is
        recommended
    value, ci, limit : the number, its interval, and what it has to reach; None where there is none
    n : items behind it
    n_needed : further items wanted for an answer; None: none, or no number of items will do
    reason : why it fails or is unknown, in a word; empty where it passes
    message : the same as a sentence

    """

    name: str
    degree: str
    status: Answer
    evidence: bool = True
    value: float | None = None
    ci: tuple[float, float] | None = None
    limit: float | None = None
    n: int = 0
    n_needed: int | None = None
    reason: str = ""
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report."""
        return {
            **asdict(self),
            "status": self.status.value,
            "ci": list(self.ci) if self.ci else None,
        }


@dataclass(frozen=True)
class Degrees:
    """Degrees of automation as words.

    `supported` is the highest whose evidence passes, whatever the current one; `with_kept` the same if the
    failing slices stayed with people; `recommended` is at most one above the current one; `reason` holds the
    names of the gates that bound it.
    """

    current: str
    supported: str
    recommended: str
    reason: tuple[str, ...] = ()
    with_kept: str = ""


@dataclass(frozen=True)
class Certificate:
    """The confidence at or above which the machine may decide alone.

    Parameters
    ----------
    threshold : None: none could be certified, `reason` says why
    coverage, accepted : share and number of items at or above it
    errors, risk, upper : wrong ones among them, their share, its exact 95 % bound; None without outcomes
    only_model_right, only_human_right, difference, difference_ci : against people on the same items
    targets : what was promised: `max_error`, `margin`
    delta : chance that the promise is broken, spent at this look
    looks : which look at growing evidence this was; None: nothing counts them
    digest : of the evidence; the same evidence is the same look
    human_load : share of items that people still decide
    minutes_saved : of people, in the time of the log
    n_needed : further items with which the nearest miss would pass

    """

    threshold: float | None = None
    coverage: float | None = None
    accepted: int = 0
    errors: int | None = None
    risk: float | None = None
    upper: float | None = None
    only_model_right: int | None = None
    only_human_right: int | None = None
    difference: float | None = None
    difference_ci: tuple[float, float] | None = None
    p: float | None = None
    targets: Mapping[str, float] = field(default_factory=dict)
    yardstick: str = ""
    delta: float = 0.0
    method: str = ""
    starts: tuple[float, ...] = ()
    looks: int | None = None
    digest: str = ""
    human_load: float | None = None
    minutes_saved: float | None = None
    reason: str = ""
    n_needed: int | None = None


@dataclass(frozen=True)
class Automation:
    """The comparison of a model with people, and how much autonomy it supports.

    Mappings hold what the functions of `judge/people` say, field for field as `docs/` has it.
    """

    degree: Degrees
    gates: tuple[Gate, ...]
    yardstick: str
    model: str
    version: str
    counts: Mapping[str, Any]
    agreement: Mapping[str, Any]
    ceiling: Mapping[str, Any]
    paired: Mapping[str, Any]
    numeric: Mapping[str, Any]
    confidence: Mapping[str, Any]
    certificate: Certificate
    remainder: Mapping[str, Any]
    segments: tuple[Mapping[str, Any], ...]
    kept_with_people: tuple[str, ...]
    disagreements: tuple[Mapping[str, Any], ...]
    assistance: Mapping[str, Any]
    audits: Mapping[str, Any]
    labels_needed: Mapping[str, Any]
    settings: Mapping[str, Any]
    warnings: tuple[str, ...]
    choices: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report, under `details.automation`."""
        whole = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            **whole,
            "degree": asdict(self.degree),
            "gates": [g.to_dict() for g in self.gates],
            "certificate": asdict(self.certificate),
        }
