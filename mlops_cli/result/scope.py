"""Where and when something was measured: Window and Scope."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote


def iso(moment: datetime) -> str:
    """A UTC time as JSON has it: `2026-01-31T06:00:00Z`, fractions only where there are any."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    if moment.microsecond:
        text += f".{moment.microsecond:06d}".rstrip("0")
    return text + "Z"


def from_iso(text: str) -> datetime:
    """The inverse of `iso`."""
    return datetime.fromisoformat(text)


@dataclass(frozen=True, order=True)
class Window:
    """A half-open stretch of time, UTC."""

    start: datetime
    end: datetime

    def to_dict(self) -> dict[str, str]:
        """JSON of the report."""
        return {"start": iso(self.start), "end": iso(self.end)}

    @staticmethod
    def from_dict(data: Mapping[str, str]) -> "Window":
        """The inverse of `to_dict`."""
        return Window(from_iso(data["start"]), from_iso(data["end"]))


@dataclass(frozen=True, order=True)
class Scope:
    """Which rows and which column; an empty text means all of them."""

    model: str = ""
    component: str = ""
    arm: str = ""
    segment: tuple[tuple[str, str], ...] = ()
    field: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report."""
        return {
            "model": self.model,
            "component": self.component,
            "arm": self.arm,
            "segment": dict(self.segment),
            "field": self.field,
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Scope":
        """The inverse of `to_dict`."""
        return Scope(
            data["model"],
            data["component"],
            data["arm"],
            tuple(sorted(data["segment"].items())),
            data["field"],
        )

    def path(self) -> str:
        """`model/component/arm/segment/field`, every part percent-encoded."""
        segment = ",".join(f"{_quoted(k)}={_quoted(v)}" for k, v in sorted(self.segment))
        parts = [_quoted(p) for p in (self.model, self.component, self.arm)]
        return "/".join([*parts, segment, _quoted(self.field)])

    def text(self) -> str:
        """The same for people: `amount in scorer, origin=JFK`; empty for all rows."""
        places = [p for p in (self.component, self.arm) if p]
        places += [f"{k}={v}" for k, v in self.segment]
        if not self.field:
            return ", ".join(places)
        return self.field + (f" in {', '.join(places)}" if places else "")


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")  # half a pair is no UTF-8, but logs hold it
