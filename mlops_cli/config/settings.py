"""Every setting with its default, its unit and its reason."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from mlops_cli.config.alarms import Alarms, Events, Slo
from mlops_cli.config.automation import Automation
from mlops_cli.config.labels import Labels
from mlops_cli.config.lines import DEFAULT_LINES
from mlops_cli.config.notify import Notify
from mlops_cli.config.pipeline import Pipeline
from mlops_cli.config.privacy import Privacy
from mlops_cli.config.retrain import Pace, Retrain
from mlops_cli.config.rollout import Rollout
from mlops_cli.config.section import Bound, Duration, Moment, Section, Timezone

KINDS = ("predictions", "feedback", "decisions", "requests", "spans", "gauges")
GROUPS = ("input", "output", "software", "model")


class Project(Section):
    """[project]."""

    name: str = Field("", description="Shown in reports; empty: the folder's name.")
    timezone: Timezone = Field(
        "UTC", description="Where a day begins, and the zone of times that carry none."
    )


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
    settle: Duration = Field(
        "auto",
        description="How old a window must be to be judged by its labels; auto: any age, beside the baseline "
        "at equal age. Labels that do not say when they came need a duration.",
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
    exclude: tuple[tuple[Moment, Moment], ...] = Field(
        (), description="Known odd times, [from, to): neither baseline nor history."
    )


class Segments(Section):
    """[segments]: slices judged on their own."""

    by: tuple[str, ...] = Field((), description="Each value of these columns on its own.")
    protected: tuple[str, ...] = Field(
        (), description="Groups that should fare alike: judged like 'by', and beside all others."
    )
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
    slo: Slo | None = Field(None, description="An objective, judged by how fast its budget burns.")


class Custom(Line):
    """[metrics.custom.NAME]: a metric of one's own, with lines like any other."""

    expr: str = Field(description="Arithmetic over SUM, COUNT, AVG, MIN, MAX of row expressions in SQL.")
    group: Literal["input", "output", "software", "model"] = Field("output", description="Where it is shown.")
    direction: Literal["up", "down", "both"] = Field("both", description="Which side is bad.")
    unit: str = Field("", description="One word, for people.")
    help: str = Field("", description="What it says, in a sentence.")
    needs: Literal["", "label"] = Field("", description="label: over the predictions whose label has come.")


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
    privacy: Privacy = Privacy()
    windows: Windows = Windows()
    baseline: Baseline = Baseline()
    segments: Segments = Segments()
    labels: Labels = Labels()
    metrics: dict[str, Any] = Field(
        default_factory=dict,
        description="[metrics.GROUP] CODE = lines, laid over the defaults; [metrics] for = N.",
    )
    alarms: Alarms = Alarms()
    events: Events = Events()
    automation: Automation = Automation()
    rollout: Rollout = Rollout()
    pipeline: Pipeline = Pipeline()
    pace: Pace = Pace()
    retrain: Retrain = Retrain()
    gate: Gate = Gate()
    notify: Notify = Notify()
    report: Output = Output()

    def line(self, group: str, code: str) -> Line:
        """The effective lines of a metric: the defaults with the file's keys laid over them."""
        default = DEFAULT_LINES.get(group, {}).get(code, {})
        given = self.given(group, code)
        common = {"for": self.metrics["for"]} if "for" in self.metrics else {}
        return Line.model_validate({**common, **default, **given})

    def given(self, group: str, code: str) -> Mapping[str, Any]:
        """What the file itself says of a metric's lines."""
        own: Mapping[str, Any] = self.metrics.get("custom", {}).get(code, {})
        if own.get("group", "output") == group and "expr" in own:
            return {k: v for k, v in own.items() if k in LINE_KEYS}
        table: Mapping[str, Any] = self.metrics.get(group, {}).get(code, {})
        return table

    def customs(self) -> dict[str, Custom]:
        """The metrics of one's own, by name."""
        return {name: Custom.model_validate(own) for name, own in self.metrics.get("custom", {}).items()}


LINE_KEYS = frozenset(info.alias or name for name, info in Line.model_fields.items())
