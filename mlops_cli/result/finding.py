"""What was found: Finding, and the Judgement that holds all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from mlops_cli.result.scope import Scope, Window, from_iso, iso


class Level(IntEnum):
    """How bad; UNKNOWN stands above OK, for silence is never a pass."""

    OK = 0
    UNKNOWN = 1
    WARNING = 2
    ALARM = 3

    @property
    def word(self) -> str:
        """As it is printed: `alarm`."""
        return self.name.lower()


class Status(StrEnum):
    """Whether a finding still holds at the end of the judged range."""

    OPEN = "open"
    RECOVERED = "recovered"
    SHIFTED = "shifted"


class Rule(StrEnum):
    """The kind of line that was crossed."""

    FIXED = "fixed"
    RELATIVE = "relative"
    SIGMA = "sigma"
    JUMP = "jump"
    DRIFT = "drift"


@dataclass(frozen=True)
class Finding:
    """One measured series that crossed its line.

    `value`, `low`, `high` (interval at the level of the run), `reference` (the baseline's
    value) and `threshold` are in `unit`; `n` counts the rows behind `value`; `window` is the
    worst window of the incident and `since` the start of its first.
    """

    code: str
    group: str
    level: Level
    status: Status
    rule: Rule
    scope: Scope
    window: Window
    since: datetime
    value: float | None
    unit: str
    n: int
    low: float | None
    high: float | None
    reference: float | None
    threshold: float | None
    message: str
    advice: str
    owner: str | None = None
    runbook: str | None = None

    @property
    def id(self) -> str:
        """`code/model/component/arm/segment/field`: the series, stable from run to run."""
        return f"{self.code}/{self.scope.path()}"

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report."""
        return {
            "id": self.id,
            "code": self.code,
            "group": self.group,
            "level": self.level.word,
            "status": self.status.value,
            "rule": self.rule.value,
            "scope": self.scope.to_dict(),
            "window": self.window.to_dict(),
            "since": iso(self.since),
            "value": self.value,
            "unit": self.unit,
            "n": self.n,
            "low": self.low,
            "high": self.high,
            "reference": self.reference,
            "threshold": self.threshold,
            "message": self.message,
            "advice": self.advice,
            "owner": self.owner,
            "runbook": self.runbook,
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Finding":
        """The inverse of `to_dict`."""
        rest = {k: v for k, v in data.items() if k != "id"}
        return Finding(
            **{
                **rest,
                "level": Level[data["level"].upper()],
                "status": Status(data["status"]),
                "rule": Rule(data["rule"]),
                "scope": Scope.from_dict(data["scope"]),
                "window": Window.from_dict(data["window"]),
                "since": from_iso(data["since"]),
            },
        )


def by_severity(finding: Finding) -> tuple[int, int, datetime, str]:
    """Sort key: open before recovered, worst first, then the oldest."""
    return (finding.status is Status.RECOVERED, -finding.level, finding.since, finding.id)


@dataclass(frozen=True)
class Judgement:
    """All that was judged; `level` is the worst that is open."""

    level: Level
    checked: int
    unknown: int
    findings: tuple[Finding, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report."""
        return {
            "level": self.level.word,
            "checked": self.checked,
            "unknown": self.unknown,
            "findings": [f.to_dict() for f in self.findings],
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Judgement":
        """The inverse of `to_dict`."""
        return Judgement(
            Level[data["level"].upper()],
            data["checked"],
            data["unknown"],
            tuple(Finding.from_dict(f) for f in data["findings"]),
        )
