"""What was found of people and a model → the Report of `shadow-compare` and `automation`."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mlops_cli import __version__
from mlops_cli.cli.moments import moment
from mlops_cli.cli.people import Compared, parted
from mlops_cli.cli.people_tables import SHOWN, tables
from mlops_cli.config.load import digest
from mlops_cli.decide.automation import Run, degrees, supported, verdict
from mlops_cli.judge.people.ceiling import people
from mlops_cli.result.automation import Answer, Automation, Degrees, Gate
from mlops_cli.result.finding import Finding, Judgement, Level, Rule, Status, by_severity
from mlops_cli.result.report import Report
from mlops_cli.result.scope import Scope, Window
from mlops_cli.result.verdict import Action, Verdict

NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # of logs without times: the same logs give the same findings
SELECTIVE = 0.01  # p-value below which outcomes are missing for a reason
CLUSTERED = 1.5  # design effect from which clusters are worth a warning


def report(c: Compared, command: str, clock: datetime, path: str = "") -> Report:
    """The whole answer of one run.

    Parameters
    ----------
    command : `automation`, or `shadow-compare`, which decides nothing
    clock : now
    path : where the disagreements were written

    """
    with_kept = supported(c.kept_gates)[0] if c.kept_gates else ""
    said, undecided = degrees(c.gates, c.asked.current, with_kept)
    e = c.evidence
    run = Run(
        compared=e.decisions.pairs.height > 0,
        threshold=e.certificate.threshold,
        everything=e.certificate.coverage == 1.0,
        audit_share=c.asked.audit_share,
        kept=e.kept,
        minimum=c.asked.min_degree,
        least_agreement=c.asked.min_agreement,
        agreement=e.agreement.get("value"),
    )
    found, code = verdict(c.gates, said, run, undecided=undecided)
    if command == "shadow-compare":
        found, code = _comparison(c, run, found, code)
    now = c.decisions.end or clock
    if c.ask.now:
        zone = c.loaded.settings.project.timezone
        now = c.ask.now if isinstance(c.ask.now, datetime) else moment(c.ask.now, zone)
    judgement = _judgement(c, said, code)
    code = _gated(c, code, judgement)
    warnings = _warnings(c)
    return Report(
        command=command,
        version=__version__,
        generated=clock if not c.ask.now else now,
        now=now,
        exit_code=code,
        level=judgement.level,
        verdict=_because(found, judgement),
        judgement=judgement,
        sources=c.shadow.sources,
        details={"automation": _details(c, said, warnings, path).to_dict()},
        tables=tuple(t for t in tables(c) if t.rows),
        quarantine=c.shadow.bad,
        notes=tuple(dict.fromkeys((*c.decisions.notes, *c.notes))),
        digests={k: v for k, v in (("settings", _settings(c)), ("decisions", c.ledger.digest)) if v},
    )


def _gated(c: Compared, code: int, judgement: Judgement) -> int:
    """The exit code as `[gate]` has it: `--fail-on never` or `warning`, `--undecided pass` or `fail`."""
    gate = c.loaded.settings.gate
    if code == 1:
        return 0 if gate.fail_on == "never" else 1
    if gate.fail_on == "warning" and any(f.level >= Level.WARNING for f in judgement.findings):
        return 1
    return {"pass": 0, "fail": 1}.get(gate.undecided, 3) if code == 3 else code


def _settings(c: Compared) -> str:
    """Of the configuration with what was asked laid over it."""
    text = json.dumps([digest(c.loaded.settings), c.asked.model_dump()], sort_keys=True, default=str)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _because(found: Verdict, judgement: Judgement) -> Verdict:
    ids = tuple(f.id for f in judgement.findings if f.level is Level.ALARM)
    return Verdict(
        found.action, found.reason, found.next_step, found.automatic, ids, found.traffic, found.degree
    )


def _comparison(c: Compared, run: Run, found: Verdict, code: int) -> tuple[Verdict, int]:
    """`shadow-compare` says how model and people compare; it fails only what it is asked to hold."""
    e = c.evidence
    joined = next(g for g in c.gates if g.name == "joined")
    failed = found.reason.split("; ")[:-1] if code == 1 else []
    failed = [f for f in failed if "--min-" in f]
    unknown = not run.compared or joined.status is not Answer.PASS
    unknown |= run.least_agreement is not None and run.agreement is None
    code = 1 if failed else 3 if unknown else 0
    reason = "; ".join(
        [
            *failed,
            headline(e.agreement, e.ceiling, e.paired, e.numeric) if run.compared else "nothing to compare",
        ]
    )
    if joined.status is not Answer.PASS:
        reason = f"undecided: {joined.message}; {reason}"
    step = ""
    needed = int(e.labelled.unlabelled)
    if e.paired.get("diff") is None and needed:
        step = (
            f"label the {needed:,} disagreements (--disagreements FILE), then pass them with --outcomes FILE"
        )
    elif run.compared:
        step = "ask `mlops automation` how much it may decide"
    return Verdict(Action.HOLD if code == 3 else Action.NONE, reason, step), code


def headline(
    agreement: Mapping[str, Any],
    ceiling: Mapping[str, Any],
    paired: Mapping[str, Any],
    numeric: Mapping[str, Any],
) -> str:
    """Agreement, the human ceiling and the paired difference in a sentence; of numbers the bias."""
    said = []
    if numeric:
        low, high = numeric["limits"] or (None, None)
        limits = "" if low is None else f" (95 of 100 between {low:.3g} and {high:.3g})"
        said.append(f"differs from people by {numeric['bias']:+.3g} on average{limits}")
        if numeric["ccc"] is not None:
            said.append(f"concordance {numeric['ccc']:.2f}")
    elif agreement.get("value") is not None:
        said.append(f"agrees with people in {_percent(agreement['value'])}{_range(agreement['ci'])}")
    if ceiling.get("n_items"):
        said.append(f"people with each other in {_percent(ceiling['human_human']['mean'])}")
    if paired.get("diff") is not None:
        word = "more" if paired["diff"] >= 0 else "less"
        ci = paired["cluster_ci"] or paired["ci"]
        said.append(f"right {100 * abs(paired['diff']):.1f} pp {word} often than people{_range(ci)}")
    return "; ".join(said) or "no figure could be had"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _range(ci: Sequence[float] | None) -> str:
    return "" if ci is None else f" [{100 * ci[0]:.1f}, {100 * ci[1]:.1f}]"


def _judgement(c: Compared, said: Degrees, code: int) -> Judgement:
    """Gates that fail what is asked, and slices in which the model fails, as findings."""
    d = c.decisions
    window = Window(d.start or NEVER, d.end or NEVER)
    order = ("human-only", "shadow", "assisted", "partial", "full")
    held = order[: order.index(said.current) + 1]
    alarms = [
        g
        for g in c.gates
        if code == 1 and g.status is Answer.FAIL and (g.degree in held or g.reason in said.reason)
    ]
    findings = [_finding(g, c.shadow.model, window) for g in alarms]
    findings += [_slice(s, c.shadow.model, window) for s in c.evidence.segments if _fails(s)]
    tested = [s for s in c.evidence.segments if s["region"]]
    answered = [g for g in c.gates if g.status is not Answer.UNKNOWN]
    level = max((f.level for f in findings), default=Level.OK)
    if code == 1:
        level = Level.ALARM
    if code == 3:
        level = max(level, Level.UNKNOWN)
    return Judgement(
        level,
        len(answered) + len(tested),
        len(c.gates) - len(answered),
        tuple(sorted(findings, key=by_severity)),
    )


def _fails(said: Mapping[str, Any]) -> bool:
    return bool(said["region"]) and said["region"]["status"] == "fail"


def _finding(gate: Gate, model: str, window: Window) -> Finding:
    low, high = gate.ci or (None, None)
    return Finding(
        code=gate.name,
        group="automation",
        level=Level.ALARM,
        status=Status.OPEN,
        rule=Rule.FIXED,
        scope=Scope(model=model),
        window=window,
        since=window.start,
        value=gate.value,
        unit="share",
        n=gate.n,
        low=low,
        high=high,
        reference=None,
        threshold=gate.limit,
        message=f"{gate.name}: {gate.message}",
        advice="go back to a degree whose evidence holds",
    )


def _slice(said: Mapping[str, Any], model: str, window: Window) -> Finding:
    region, place = said["region"], f"{said['segment']}={said['value']}"
    low, high = region.get("ci") or (None, None)
    message = f"the model fails in {place} ({region['n']} items)"
    if region.get("diff") is not None:
        less = f"{-100 * region['diff']:.1f} pp less often than people"
        message = f"in {place} the model is right {less} ({region['n']} items)"
    return Finding(
        code="slice-loss",
        group="automation",
        level=Level.WARNING,
        status=Status.OPEN,
        rule=Rule.FIXED,
        scope=Scope(model=model, segment=((said["segment"], said["value"]),)),
        window=window,
        since=window.start,
        value=region.get("diff"),
        unit="share",
        n=region["n"],
        low=low,
        high=high,
        reference=None,
        threshold=None,
        message=message,
        advice=f"keep {place} with people"
        + ("" if said["known_before"] else ", by something that is known before the outcome"),
    )


def _warnings(c: Compared) -> tuple[str, ...]:
    """What weakens the answer, a code and a sentence each."""
    return (*_of_the_logs(c), *_of_the_answer(c))


def _of_the_logs(c: Compared) -> Iterator[str]:
    d, e = c.decisions, c.evidence
    unseen = "blinding-unknown: nothing says whether people saw the output (human_saw_model)"
    if d.blinding.known == "assumed":
        yield f"{unseen}; taken as blind"
    if d.blinding.known == "unknown":
        yield f"{unseen}: no agreement is given"
    if d.joined < c.asked.min_joined:
        yield "join: too few items have decisions of both sides"
    if d.tally.repeated:
        yield f"repeated: {d.tally.repeated} further decisions of a person on the same item, left out"
    if (e.paired.get("selective_p") or 1.0) < SELECTIVE:
        yield "selective_labels: whether the outcome is known depends on what people decided; see worst_case"
    if (e.paired.get("design_effect") or e.agreement.get("design_effect") or 1.0) > CLUSTERED:
        yield "clusters: decisions hang together by person or item; the certificate does not allow for it"


def _of_the_answer(c: Compared) -> Iterator[str]:
    e = c.evidence
    if e.certificate.threshold is not None and e.certificate.looks is None:
        yield "single-look: the guarantee holds for a single look (--record counts looks, or --look K)"
    if e.agreement.get("paradox"):
        yield "kappa-paradox: kappa and AC1 part, as nearly all decisions are of one class"
    if "positives" in e.agreement:
        yield "rare-class: the rarest class is expected in common fewer than 5 times; kappa says little"
    if e.confidence.get("calibration_reason"):
        yield f"calibration: {e.confidence['calibration_reason']}"
    if e.audits.get("warning") and not e.audits.get("alarm"):
        yield "audit-warning: audited decisions are wrong more often than promised; not yet an alarm"


def _details(c: Compared, said: Degrees, warnings: tuple[str, ...], path: str) -> Automation:
    e, d = c.evidence, c.decisions
    ceiling = dict(e.ceiling)
    per_person = people(d, c.asked.min_slice, named=c.beside.name_raters)
    if per_person:
        ceiling["people"] = per_person
    return Automation(
        degree=said,
        gates=c.gates,
        yardstick=e.yardstick,
        model=c.shadow.model,
        version=d.version,
        counts={
            **vars(d.tally),
            "items": d.units.height,
            "pairs": d.pairs.height,
            "unit": d.unit,
            "scale": d.scale,
            "classes": list(d.classes),
            "joined": d.joined,
            "blinding": d.blinding.known,
        },
        agreement=e.agreement,
        ceiling=ceiling,
        paired={**e.paired, **({"cost": e.cost} if e.cost else {})},
        numeric=e.numeric,
        confidence={**e.confidence, **({"best_team": e.team} if e.team else {})},
        certificate=e.certificate,
        remainder=e.remainder,
        segments=tuple(e.segments),
        kept_with_people=e.kept,
        disagreements=tuple(parted(d).head(SHOWN).rows(named=True)),
        assistance=e.assistance,
        audits=e.audits,
        labels_needed={"n": e.labelled.unlabelled, "path": path or None},
        settings={
            k: getattr(c.asked, k)
            for k in ("current", "margin", "max_error", "delta", "alpha", "min_automation", "margin_assisted")
        },
        warnings=warnings,
        choices=_choices(c),
    )


def _choices(c: Compared) -> tuple[str, ...]:
    """What was chosen, each with the option that changes it."""
    d, model = c.decisions, f"model {c.shadow.model}" if c.shadow.model else "the model"
    version = f" {d.version}" if d.version else ""
    out = [f"{model}{version} (--model, --model-version) beside people: {d.units.height:,} {d.unit}s"]
    if d.segments:
        out.append(f"slices by {', '.join(d.segments)} (--segment)")
    return tuple(out)
