"""Section: the shape of a table of `mlops.toml`, and the words its values are written in."""

import re
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_DURATION = re.compile(r"^(\d+)\s*(s|min|h|d|w)$")
_CHANGE = re.compile(r"^[+-]\d+(\.\d+)?\s*(%|pp)?$")
_SIGMAS = re.compile(r"^(\d+(?:\.\d+)?)\s*sigmas?$")
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
LONGEST = 36_525 * 86_400  # seconds


def seconds(duration: str) -> int:
    """`10s`, `5min`, `1h`, `7d`, `4w` in seconds."""
    match = _DURATION.match(duration)
    if not match:
        raise ValueError(f"'{duration}' is no duration: write a number and s, min, h, d or w")
    length = int(match[1]) * _SECONDS[match[2]]
    if length > LONGEST:
        raise ValueError(f"'{duration}' is no duration: write one of at most a hundred years")
    return length


def _duration(text: str) -> str:
    if text != "auto" and seconds(text) <= 0:
        raise ValueError(f"'{text}' is no duration: it must be longer than 0")
    return text


def sigmas(bound: object) -> float:
    """`3 sigma` as a number; NaN for any other bound."""
    match = _SIGMAS.match(bound) if isinstance(bound, str) else None
    return float(match[1]) if match else float("nan")


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"'{name}' is no time zone: write UTC, Europe/Berlin, ...") from None
    return name


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is no time: write 2026-01-31 or 2026-01-31T06:00") from None
    return text


Duration = Annotated[str, AfterValidator(_duration)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Moment = Annotated[str, AfterValidator(_moment)]


class Section(BaseModel):
    """One table of `mlops.toml`: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Adapt(Section):
    """{ adapt = "auto" }: the line follows the metric's history; its width follows from [alarms]."""

    adapt: Literal["auto"] = Field("auto", description="auto: level, season and short memory of the metric.")


OneBound = float | str | Adapt


def _bound(value: OneBound | tuple[OneBound, ...]) -> OneBound | tuple[OneBound, ...]:
    for one in value if isinstance(value, tuple) else (value,):
        if isinstance(one, str) and not (_CHANGE.match(one) or _SIGMAS.match(one)):
            raise ValueError(
                f"'{one}' is no line: write a number (absolute), a change against the baseline with its sign "
                "('+20%', '+2pp', '-0.02'), '3 sigma' or { adapt = \"auto\" }",
            )
    return value


Bound = Annotated[OneBound | tuple[OneBound, ...], AfterValidator(_bound)]
