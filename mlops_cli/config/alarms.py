"""[alarms] and [events], and the objective that a line may be."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mlops_cli.config.section import Duration, Section

_RATE = re.compile(r"^(\d+(?:\.\d+)?)\s*/\s*(day|week|month|year)$")
_DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}


def days_per_alarm(rate: str) -> float:
    """`1/month` as the days in which one false alarm is allowed."""
    match = _RATE.match(rate)
    if not match or not float(match[1]) > 0:
        raise ValueError(f"'{rate}' is no rate: write '1/month', '1/year', '2/week' or '1/day'")
    return _DAYS[match[2]] / float(match[1])


def _rate(text: str) -> str:
    days_per_alarm(text)
    return text


Rate = Annotated[str, AfterValidator(_rate)]


class Alarms(Section):
    """[alarms]: the promise of the run, and of a metric's own line."""

    false_alarms: Rate = Field(
        "1/month", description="False alarms of the whole run, over all metrics, fields and segments."
    )
    per_metric: Rate = Field("1/year", description="False alarms of one metric's own adaptive line.")
    adapt: Literal["auto", "off"] = Field(
        "auto",
        description="auto: metrics without lines of their own in this file adapt to their history.",
    )


class Slo(Section):
    """{ slo = { ... } }: an objective, judged by how fast its error budget burns."""

    good: str = Field(description="What a good row is, in SQL over canonical columns: 'status < 500'.")
    target: float = Field(gt=0, lt=1, description="Share of rows that have to be good.")
    period: Duration = Field("30d", description="Over which the target has to be met.")


class Events(Section):
    """[events]: what else happened; a finding names what lies within a window of its onset."""

    path: str = Field(
        "", description="JSON lines with a time and a text, relative to this file: deployments, campaigns."
    )
