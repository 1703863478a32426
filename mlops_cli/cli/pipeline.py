"""The steps of `pipeline`: logs → spans and measurements by component → which one broke → Report."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import polars as pl

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.asked import ready
from mlops_cli.cli.assemble import assemble
from mlops_cli.cli.rollout import one_unit, range_of
from mlops_cli.cli.steps import Counted, State, Unit, chosen, count, units
from mlops_cli.config.section import seconds
from mlops_cli.config.settings import Settings
from mlops_cli.decide.pipeline import said, verdict
from mlops_cli.judge.pipeline import Found, Given, troubles
from mlops_cli.metrics.metric import MEASUREMENT
from mlops_cli.profile.spans import Edge, SpanCounts, count_spans
from mlops_cli.result.finding import Finding, Judgement, Level, Rule, Status, by_severity
from mlops_cli.result.pipeline import Pipeline, Trouble
from mlops_cli.result.report import Report, Table
from mlops_cli.result.scope import Scope, Window, from_iso

Progress = Callable[[int, int], None]


def report(ask: Ask, clock: datetime, progress: Progress | None) -> Report:
    """Everything about the components of one model's pipeline.

    Raises
    ------
    UsageError
        Where the command line or the configuration is wrong.
    DataError
        Where no row can be read.

    """
    loaded = ready(ask)
    state = State(ask, loaded)
    unit = one_unit(units(ask, loaded, state, progress), ask)
    settings = unit.settings
    wanted = range_of(ask, unit)
    size: str | int = settings.pipeline.window if settings.pipeline.window != "auto" else ask.window or "auto"
    size = size if size == "auto" else seconds(str(size))
    ends = [e for e in (wanted.until, wanted.now) if e is not None]
    counted = count_spans(
        unit.logs.parts,
        size,
        settings.project.timezone,
        (None, min(ends) if ends else None),
        _configured(settings),
    )
    seen = chosen([count(unit, ask, state, progress)], ask)
    base = assemble(seen, ask, loaded, state.note, clock)
    measured = _measured(unit, ask, state, counted, progress)
    given = Given(
        {n: c.budget_ms for n, c in settings.pipeline.components.items() if c.budget_ms is not None},
        tuple(settings.pipeline.components),
        settings.pipeline.baseline,
        settings.pipeline.limit,
    )
    found = troubles(counted, measured, base.judgement.findings, given)
    return _report(base, found, counted, settings, seen[0])


def _configured(settings: Settings) -> list[Edge]:
    out = []
    for name, one in settings.pipeline.components.items():
        out += [Edge(other, name, calls=False) for other in one.after]
        out += [Edge(name, other, calls=True) for other in one.calls]
    return out


def _measured(
    unit: Unit, ask: Ask, state: State, counted: SpanCounts, progress: Progress | None
) -> pl.DataFrame:
    """Input and output metrics of components, in the windows of the spans; none where no log names them."""
    components = unit.settings.pipeline.components
    fields = {f: n for n, c in components.items() for f in (*c.inputs, *c.outputs)}
    named = any("component" in p.columns for p in unit.logs.of("predictions"))
    if not counted.starts or not (fields or named):
        return pl.DataFrame(schema=MEASUREMENT)
    windows = unit.settings.windows.model_copy(update={"size": counted.window.word})
    fine = replace(unit, settings=unit.settings.model_copy(update={"windows": windows}))
    frame = count(fine, ask, state, progress).measured
    groups = {
        field: (name, group)
        for name, one in components.items()
        for group, names in (("input", one.inputs), ("output", one.outputs))
        for field in names
    }
    placed = frame.filter((pl.col("component") == "") & pl.col("field").is_in(list(groups)))
    placed = placed.with_columns(
        component=pl.col("field").replace_strict({f: n for f, (n, _) in groups.items()}, default=""),
        group=pl.col("field").replace_strict({f: g for f, (_, g) in groups.items()}, default=""),
    )
    return pl.concat([frame.filter(pl.col("component") != ""), placed])


def _report(base: Report, found: Found, counted: SpanCounts, settings: Settings, seen: Counted) -> Report:
    errors = {n.name: n.errors_started_here for n in found.nodes if n.errors_started_here}
    told, code = verdict(found.troubles, found.nodes, errors, found.cannot, settings.gate.undecided)
    # One finding a component and metric: the trouble that is open, else the last.
    latest = {(t.first, t.metric): t for t in sorted(found.troubles, key=lambda t: (t.open, t.since))}
    findings = tuple(sorted((_finding(t, seen) for t in latest.values()), key=by_severity))
    held = [f.level for f in findings if f.status is Status.OPEN]
    level = max(held, default=Level.UNKNOWN if found.cannot or not counted.starts else Level.OK)
    details = Pipeline(
        nodes=found.nodes,
        edges=found.edges,
        troubles=found.troubles,
        windows=len(counted.starts),
        baseline=found.baseline,
        window=counted.window.word,
        cannot=found.cannot,
        errors=errors,
        untold=counted.untold,
        choices=_choices(counted, found),
    )
    names = ("name", "level", "spans", "self_p50_ms", "self_p95_ms", "share", "errors_started_here")
    nodes = tuple(tuple(getattr(n, k) for k in names) for n in found.nodes)
    because = tuple(f.id for f in findings if f.status is Status.OPEN)
    return replace(
        base,
        command="pipeline",
        exit_code=int(code),
        level=level,
        verdict=replace(told, because=because),
        judgement=Judgement(level, len(found.nodes), int(bool(found.cannot)), findings),
        details={"pipeline": details.to_dict()},
        tables=(Table("components", "Components", names, nodes),),
        notes=(*counted.notes, *base.notes),
    )


def _choices(counted: SpanCounts, found: Found) -> tuple[str, ...]:
    if not counted.starts:
        return ()
    windows = f"windows of {counted.window.word}: {len(counted.starts)}"
    return (f"{windows}, the first {found.baseline} are taken as good (--window, [pipeline])",)


def _finding(trouble: Trouble, seen: Counted) -> Finding:
    since, until = from_iso(trouble.since), from_iso(trouble.until)
    return Finding(
        code="first-at-fault",
        group="software" if trouble.kind == "software" else trouble.kind,
        level=Level.ALARM if trouble.confirmed else Level.WARNING,
        status=Status.OPEN if trouble.open else Status.RECOVERED,
        rule=Rule.DRIFT,
        scope=Scope(seen.unit.name, trouble.first, field=trouble.metric),
        window=Window(since, until),
        since=since,
        value=trouble.value,
        unit=trouble.unit,
        n=trouble.n,
        low=None,
        high=None,
        reference=trouble.usual,
        threshold=None,
        message=said(trouble),
        advice=f"see what was released or changed in {trouble.first} at that time",
    )
