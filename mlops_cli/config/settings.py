"""Every setting with its default, its unit and its reason."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

KINDS = ("predictions", "feedback", "decisions", "requests", "spans", "gauges")
GROUPS = ("input", "output", "software")

_DURATION = re.compile(r"^(\d+)\s*(s|min|h|d|w)$")
_CHANGE = re.compile(r"^[+-]\d+(\.\d+)?\s*(%|pp)?$")
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def seconds(duration: str) -> int:
    """`10s`, `5min`, `1h`, `7d`, `4w` in seconds."""
    match = _DURATION.match(duration)
    if not match:
        raise ValueError(f"'{duration}' is no duration: write a number and s, min, h, d or w")
    return int(match[1]) * _SECONDS[match[2]]


def _duration(text: str) -> str:
    if text != "auto" and seconds(text) <= 0:
        raise ValueError(f"'{text}' is no duration: it must be longer than 0")
    return text


def _bound(value: float | str | tuple[float | str, ...]) -> float | str | tuple[float | str, ...]:
    for one in value if isinstance(value, tuple) else (value,):
        if isinstance(one, str) and not _CHANGE.match(one):
            raise ValueError(
                f"'{one}' is no line: write a number (absolute) or a change against the baseline "
                "with its sign ('+20%', '+2pp', '-0.02')",
            )
    return value


Duration = Annotated[str, AfterValidator(_duration)]
Bound = Annotated[float | str | tuple[float | str, ...], AfterValidator(_bound)]


class Section(BaseModel):
    """One table of `mlops.toml`: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Project(Section):
    """[project]."""

    name: str = Field("", description="Shown in reports; empty: the folder's name.")
    timezone: str = Field("UTC", description="Where a day begins, and the zone of times that carry none.")


class Source(Section):
    """[sources.NAME]: one table of logs."""

    path: str = Field(description="Glob, folder, file or '-', relative to this file.")
    format: str = Field("auto", description="auto, or the name of a log format.")
    kind: Literal["auto", *KINDS] = Field("auto", description="What kind of log it is.")  # type: ignore[valid-type]
    columns: dict[str, Any] = Field(
        default_factory=dict,
        description="Canonical name = column, JSON path, or '= expression' in SQL.",
    )


class Windows(Section):
    """[windows]."""

    size: Duration = Field(
        "auto", description="auto, or a duration: 10s, 10min, 1h, 1d; auto wants 14 windows."
    )
    min_rows: int = Field(200, ge=1, description="Fewer rows in a window: the metric is unknown, never ok.")
    late_arrival: Duration = Field(
        "auto",
        description="How late records may be; a window is over only then. auto: a window, at most 1h.",
    )


class Baseline(Section):
    """[baseline]: what is compared with; never judged itself."""

    from_: Literal["auto", "path", "first", "rolling", "saved"] = Field(
        "auto", alias="from", description="auto: path or saved where given, else first."
    )
    path: str = Field("", description="For 'path': a file or folder, relative to this file.")
    first: int = Field(0, ge=0, description="For 'first': windows; 0 is a third, 3 to 14.")
    rolling: Duration = Field(
        "28d", description="For 'rolling': the time before the window judged, always lagged."
    )
    saved: str = Field("", description="For 'saved': the name given to `mlops baseline save`.")
    exclude: tuple[tuple[str, str], ...] = Field(
        (), description="Known odd times, [from, to): neither baseline nor history."
    )


class Segments(Section):
    """[segments]: slices judged on their own."""

    by: tuple[str, ...] = Field((), description="Each value of these columns on its own.")
    cross: tuple[tuple[str, str], ...] = Field((), description="And these pairs of columns.")
    min_share: float = Field(0.01, ge=0, le=1, description="Rarer values go to '(other)'.")
    max: int = Field(200, ge=1, description="Guard against a column of many values.")


class Line(Section):
    """One metric's lines: `warn` and `alarm`, absolute or against the baseline."""

    warn: Bound | None = Field(None, description="Line of a warning.")
    alarm: Bound | None = Field(None, description="Line of an alarm.")
    columns: Literal["*"] | tuple[str, ...] = Field("*", description="Fields it is judged for.")
    for_: int = Field(1, ge=1, alias="for", description="Windows in a row that must be broken.")
    min_effect: float = Field(
        0.0, ge=0, description="A change smaller than this (in the metric's unit) is no finding."
    )
    within: Duration = Field("10min", description="redo-rate: asked again within this time.")
    owner: str | None = Field(None, description="Who is told.")
    runbook: str | None = Field(None, description="Where the remedy is written.")


class Gate(Section):
    """[gate]: what fails a pipeline."""

    fail_on: Literal["alarm", "warning", "never"] = Field("alarm", description="What makes the exit code 1.")
    require: tuple[str, ...] = Field(
        ("volume", "null-rate", "error-rate"),
        description="One of these unknown, where the logs can give it: the run is undecided.",
    )
    undecided: Literal["", "pass", "fail"] = Field(
        "", description="Exit code of an undecided run: pass 0, fail 1; absent: 3."
    )
    max_age: Duration | Literal[""] = Field(
        "", description="Newest record older than this: exit 4; empty: off."
    )


class Output(Section):
    """[report]."""

    outputs: tuple[str, ...] = Field((), description="FORMAT=PATH of every run, as -o has it.")
    state: str = Field(".mlops", description="Cache and history: deleting it costs time, changes no verdict.")


class Settings(Section):
    """All of `mlops.toml`."""

    schema_: Literal[1] = Field(1, alias="schema", description="Version of this file's format.")
    project: Project = Project()
    sources: dict[str, Source] = Field(default_factory=dict)
    windows: Windows = Windows()
    baseline: Baseline = Baseline()
    segments: Segments = Segments()
    metrics: dict[str, Any] = Field(
        default_factory=dict,
        description="[metrics.GROUP] CODE = lines, laid over the defaults; [metrics] for = N.",
    )
    gate: Gate = Gate()
    report: Output = Output()

    def line(self, group: str, code: str) -> Line:
        """The effective lines of a metric: the defaults with the file's keys laid over them."""
        default = DEFAULT_LINES.get(group, {}).get(code, {})
        given = self.metrics.get(group, {}).get(code, {})
        common = {"for": self.metrics["for"]} if "for" in self.metrics else {}
        return Line.model_validate({**common, **default, **given})


# The default lines. A rate that should be nearly zero has absolute ones; what depends on the world is
# compared with the baseline. Both need evidence beside size, so a small window does not cry wolf.
DEFAULT_LINES: dict[str, dict[str, dict[str, Any]]] = {
    "input": {
        "volume": {"warn": ("-40%", "+100%"), "alarm": ("-70%", "+300%")},
        "missing-rate": {"warn": "+2pp", "alarm": "+5pp"},
        "empty-rate": {"warn": "+2pp", "alarm": "+5pp"},
        "text-length": {"warn": ("-30%", "+30%"), "alarm": ("-60%", "+60%")},
        "out-of-range": {"warn": 0.001, "alarm": 0.01},
        "infinite-rate": {"warn": 0.0, "alarm": 0.005},
        "top-share": {"warn": "+2pp", "alarm": "+5pp"},
        "unseen-rate": {"warn": 0.001, "alarm": 0.01},
        "type-change": {"alarm": 0.0},
        "field-vanished": {"alarm": 0.0},
        "field-new": {"warn": 0.0},
        "duplicate-rate": {"warn": "+1pp", "alarm": "+5pp"},
        "bad-time-rate": {"warn": 0.001, "alarm": 0.01},
        "drift": {"warn": 0.05, "alarm": 0.15},
    },
    "output": {
        "null-rate": {"warn": 0.005, "alarm": 0.02},
        "constant-output": {"alarm": 0.9999},
        "score-mean": {"warn": ("-15%", "+15%"), "alarm": ("-40%", "+40%")},
        "redo-rate": {"warn": "+20%", "alarm": "+50%"},
        "action-rate": {"warn": ("-50%", "+50%"), "alarm": ("-80%", "+150%")},
        "drift": {"warn": 0.05, "alarm": 0.15},
    },
    "software": {
        "latency-p50": {"warn": "+30%", "alarm": "+100%"},
        "latency-p90": {},
        "latency-p95": {"warn": "+40%", "alarm": "+100%"},
        "latency-p99": {"warn": "+60%", "alarm": "+200%"},
        "queue-p95": {"warn": "+50%", "alarm": "+200%"},
        "throughput": {},
        "error-rate": {"warn": 0.005, "alarm": 0.02},
        "client-error-rate": {"warn": "+2pp", "alarm": "+5pp"},
        "log-completeness": {"warn": 0.99, "alarm": 0.95},
        "memory-utilisation": {"warn": 0.8, "alarm": 0.95},
        "cpu-utilisation": {"warn": 0.8, "alarm": 0.95},
        "load": {"warn": 1.0, "alarm": 2.0},
        "staleness": {},
    },
}
