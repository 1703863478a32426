"""Two arms in the terminal: how far traffic may go, whether the comparison holds, and every metric."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from mlops_cli.render.grid import Column, Row, grid
from mlops_cli.render.look import Look, labelled
from mlops_cli.render.words import clean, count, quantity
from mlops_cli.result.report import Report

LABEL = 9
MARKS = {
    "harm": "alarm",
    "worse-within-margin": "warning",
    "safe": "ok",
    "better": "ok",
    "unknown": "unknown",
}
HEALTH = {
    "ok": "the split is as planned",
    "untested": "the split is not tested: no plan",
    "srm": "the traffic split differs from the plan",
    "confounded": "what is routed one way decides the errors",
    "contaminated": "units met both arms",
    "no-traffic": "an arm has no traffic",
}


def of_arms(report: Report) -> Mapping[str, Any] | None:
    """The comparison of two arms of this report, None where it has none."""
    found = report.details.get("rollout")
    return found if isinstance(found, Mapping) else None


def arms(report: Report, look: Look) -> Iterator[Text]:
    """Share, health, metrics; with everything also what decided each of them, and the plan."""
    found = of_arms(report)
    if found is None:
        return
    yield Text()
    yield from labelled("traffic", Text(_traffic(found)), look, LABEL)
    if found["evidence"] != "paired":
        yield from _health(found, look)
    if found.get("answers"):
        yield from labelled("answers", Text(clean(found["answers"]["said"])), look, LABEL)
    if found["metrics"]:
        yield Text()
        yield from _metrics(found, look)
    yield from _why(found["metrics"], look)
    if look.every and found.get("plan"):
        yield from _plan(found, look)


def _health(found: Mapping[str, Any], look: Look) -> Iterator[Text]:
    state = found["health"]["state"]
    said = HEALTH.get(state, state)
    log_e = found["health"]["srm"]["log_e"]
    if log_e is not None:
        said += f" (log e {log_e:.1f}, {found['health']['srm']['enough']:.1f} would be enough to doubt it)"
    yield from labelled("health", Text(clean(said)), look, LABEL)
    odd = [f"{s['column']}={s['value']}" for s in found["health"]["strata"] if s["confounded"]]
    if odd:
        said = f"routed one way, so left out of both arms: {', '.join(odd)}"
        yield from labelled("", Text(clean(said)), look, LABEL)


def _traffic(found: Mapping[str, Any]) -> str:
    name = clean(found["treatment"])
    units = f"{count(found['units_in_step'])} {clean(found['unit'])}s"
    if found["evidence"] == "paired":
        return f"{name} has none yet; {units} of answers to the same requests"
    said = f"{name} has {quantity(found['current_share'], 'share')}"
    if found["next_share"] is not None:
        said += f", may have {quantity(found['next_share'], 'share')}"
    allowed = found["allowed_shares"]
    if allowed:
        said += f"; the evidence allows {quantity(allowed[-1], 'share')}"
    step = f"{units} in {count(found['windows_in_step'], 'window')} at this share"
    return f"{said}; {step}; evidence: {found['evidence']}"


def _metrics(found: Mapping[str, Any], look: Look) -> Iterator[Text]:
    two = bool(found["control"])
    first = [("control", found["control"])] if two else []
    names = [*first, ("treatment", found["treatment"])]
    bounds = (
        [("estimate", "change"), ("upper", "at most"), ("margin", "no harm")] if two else [("limit", "limit")]
    )
    head: Row = {
        "name": Text("metric", "dim"),
        "role": Text("", "dim"),
        "verdict": Text("verdict", "dim"),
        **{k: Text(clean(title), "dim") for k, title in (*names, *bounds)},
    }
    body: list[Row] = [
        {
            "mark": look.mark(MARKS.get(m["verdict"]) if m["role"] != "watch" else None),
            "name": Text(clean(m["name"])),
            "role": Text("" if m["role"] == "guardrail" else m["role"], "dim"),
            "verdict": Text(_verdict(m)),
            **{k: Text(clean(m["shown"].get(k, "–"))) for k, _ in (*names, *bounds)},
        }
        for m in found["metrics"]
    ]
    columns = [
        Column("mark"),
        Column("name", least=12),
        *(
            Column(k, right=True, drop=len(bounds) - i if k != "estimate" else 0)
            for i, (k, _) in enumerate((*names, *bounds))
        ),
        Column("verdict"),
        Column("role", drop=1),
    ]
    laid = grid(columns, [head, *body], look.width, look.ellipsis)
    for row in (head, *body):
        yield laid.line(row)


def _verdict(metric: Mapping[str, Any]) -> str:
    """`unknown, 213 windows`."""
    said = str(metric["verdict"])
    if said == "unknown" and metric["eta"]:
        said += f", {count(metric['eta'], 'window')}"
    return said


def _why(metrics: Sequence[Mapping[str, Any]], look: Look) -> Iterator[Text]:
    """What decided, of every metric or of those that stand in the way."""
    told = [
        m
        for m in metrics
        if look.every or m["verdict"] == "harm" or (m["verdict"] != "safe" and m["role"] == "guardrail")
    ]
    for m in told:
        yield Text()
        yield from look.wrapped(Text.assemble((f"{m['name']}  ", "bold"), clean(m["reason"])), 3, 5)


def _plan(found: Mapping[str, Any], look: Look) -> Iterator[Text]:
    plan = found["plan"]
    yield Text()
    yield Text("   Plan", "bold")
    first = plan["first_share"]
    lines = [
        f"{quantity(plan['units_per_window'], '')} units a window of {quantity(found['window_seconds'], 's')}"
    ]
    if first is not None:
        lines.append(
            f"first share without data: {quantity(first, 'share')} (there nothing can pass a margin)"
        )
    for share, windows in plan["steps"].items():
        each = ", ".join(f"{n} {'never' if w is None else count(w)}" for n, w in windows.items())
        lines.append(
            f"windows until it is safe at {quantity(float(share), 'share')}, if nothing is worse: {each}"
        )
    for span, effects in plan["effects"].items():
        each = ", ".join(f"{n} {'none' if e is None else f'{e:+.3g}'}" for n, e in effects.items())
        lines.append(f"smallest harm seen within {span} at the present share: {each}")
    for line in lines:
        yield from look.wrapped(Text(clean(line)), 3, 5)
