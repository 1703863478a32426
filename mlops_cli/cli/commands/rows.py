"""`mlops rows`: the requests behind a finding, worst first, straight from the logs."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.options import Facts
from mlops_cli.cli.progress import progress
from mlops_cli.cli.say import columns, tell, tell_json
from mlops_cli.errors import UsageError

if TYPE_CHECKING:
    from mlops_cli.cli.steps import Counted
    from mlops_cli.logs.behind import Wanted
    from mlops_cli.result.finding import Finding


def command(
    finding: Annotated[str, Argument(metavar="FINDING", help="A finding's id, or its code.")],
    ask: Ask,
    number: Annotated[int, Option("--number", "-n", min=1, help="So many rows.")] = 20,
    form: Facts = "text",
) -> int:
    """The requests behind a finding, worst first, straight from the logs.

    The logs are judged as `mlops monitor` does with the same options; the rows are those from the finding's
    onset to the end of its worst window.
    """
    from mlops_cli.cli.asked import ready  # noqa: PLC0415 # polars and numpy
    from mlops_cli.cli.judging import judging  # noqa: PLC0415
    from mlops_cli.cli.steps import State, count, units  # noqa: PLC0415
    from mlops_cli.logs.behind import behind  # noqa: PLC0415

    loaded = ready(ask)
    state = State(ask, loaded)
    known: list[Finding] = []
    with progress() as tick:
        for unit in units(ask, loaded, state, tick):
            counted = count(unit, ask, state, tick)
            found = judging(counted, ask).outcome.judgement.findings
            known += found
            one = _named(found, finding)
            if one is None:
                continue
            rows = behind(unit.logs, wanted(one, counted), number)
            if rows is None:
                return tell(f"{one.message}\nno single row is behind it")
            return _say(one, rows.to_dicts(), form)
    offered = ", ".join(f.id for f in known[:10]) or "none"
    raise UsageError(f"no finding '{finding}' in these logs", "the command line", f"findings here: {offered}")


def _named(found: Sequence["Finding"], name: str) -> "Finding | None":
    exact = [f for f in found if f.id == name]
    same = exact or [f for f in found if f.code == name.replace("_", "-")]
    if len(same) > 1:
        raise UsageError(
            f"{len(same)} findings of {name}",
            "the command line",
            f"name one of: {', '.join(f.id for f in same)}",
        )
    return same[0] if same else None


def wanted(one: "Finding", counted: "Counted") -> "Wanted":
    """The rows that a finding speaks of, with what the baseline knows of its field."""
    from mlops_cli.logs.behind import Wanted  # noqa: PLC0415
    from mlops_cli.metrics.facts import facts  # noqa: PLC0415

    starts = (_us(one.since), _us(one.window.end))
    known = facts(counted.profile, counted.baseline, one.scope.field, starts)
    up = one.value is None or one.reference is None or one.value >= one.reference
    scope = one.scope
    model = "" if scope.model == counted.unit.name else scope.model
    return Wanted(
        one.code,
        scope.field,
        *starts,
        model,
        scope.component,
        scope.arm,
        dict(scope.segment),
        upward=up,
        hidden=_hidden(counted, scope.field),
        **known,
    )


def _hidden(counted: "Counted", name: str) -> bool:
    """Whether a field is free text or an id, whose values are shown only where [privacy] says so."""
    types = {f.type for f in counted.profile.spec.fields if f.name == name}
    return bool(types & {"text", "id"}) and not counted.unit.settings.privacy.show_values


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def _say(one: "Finding", rows: list[dict[str, Any]], form: str) -> int:
    from mlops_cli.result.scope import iso  # noqa: PLC0415

    said = [{**r, "timestamp": iso(r["timestamp"]) if r["timestamp"] else None} for r in rows]
    if form == "json":
        return tell_json({"finding": one.id, "message": one.message, "rows": said})
    if not said:
        return tell(f"{one.message}\nno row of these logs shows it")
    table = [("request_id", "timestamp", "value", "file")]
    table += [tuple("" if v is None else str(v) for v in r.values()) for r in said]  # type: ignore[misc]
    return tell(f"{one.message}\n\n{columns(table)}")
