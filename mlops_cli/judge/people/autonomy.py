"""Gates of deciding alone: above a confidence (partial automation), and everything (full automation)."""

from collections.abc import Mapping

from mlops_cli.config.automation import Automation
from mlops_cli.judge.people.evidence import Evidence
from mlops_cli.judge.people.slices import CLASS
from mlops_cli.judge.people.words import ci_of, percent, points, span
from mlops_cli.profile.blind import UNSEEN
from mlops_cli.result.automation import Answer, Gate
from mlops_cli.result.verdict import Degree
from mlops_cli.stats.paired import items_needed

PASS, FAIL, UNKNOWN = Answer.PASS, Answer.FAIL, Answer.UNKNOWN
LARGE = 0.1  # effect of a slice that assistance may not have
NOT_MEASURED = "not-measured"


def partial(e: Evidence, s: Automation) -> list[Gate]:
    """Before decisions above a confidence are automated."""
    degree = Degree.PARTIAL.value
    out = [_certified(e, s), _informative(e), slices_gate(e, degree), _blinding(e), _confirm(e, s)]
    out.append(
        Gate("drift", degree, UNKNOWN, evidence=False, reason=NOT_MEASURED, message="see `mlops monitor`")
    )
    if s.max_human_load is not None:
        load = e.certificate.human_load
        status = UNKNOWN if load is None else PASS if load <= s.max_human_load else FAIL
        out.append(
            Gate(
                "human-load",
                degree,
                status,
                evidence=False,
                value=load,
                limit=s.max_human_load,
                reason="" if status is PASS else "human-load",
                message="people would still decide " + (percent(load) if load is not None else "everything"),
            )
        )
    return out


def _certified(e: Evidence, s: Automation) -> Gate:
    c, degree = e.certificate, Degree.PARTIAL.value
    if c.threshold is not None:
        return Gate(
            "certificate",
            degree,
            PASS,
            value=c.coverage,
            limit=s.min_automation,
            n=c.accepted,
            message=f"{percent(c.coverage or 0)} may be automated at confidence {c.threshold:.6g} or more",
        )
    return Gate(
        "certificate",
        degree,
        FAIL if c.reason == "risk-above-target" else UNKNOWN,
        limit=s.min_automation,
        n=e.curve.units.height,
        n_needed=c.n_needed,
        reason=c.reason,
        message=WHY.get(c.reason, c.reason),
    )


WHY: Mapping[str, str] = {
    "no-confidence": "the logs hold no confidence",
    "no-pairs": "nothing can be compared",
    "no-outcome": "neither outcomes nor a second person an item; --max-error bounds the disagreement instead",
    "agreements-unlabelled": "an absolute error needs outcomes of a random sample of the agreements",
    "not-blinded": "nothing says who saw the output",
    "risk-above-target": "the risk is above the target at every coverage: the model must improve",
    "too-few": "too few items for a certificate",
    "unlucky": "the promise could hold, but these items do not show it",
}


def _informative(e: Evidence) -> Gate:
    degree, c = Degree.PARTIAL.value, e.confidence
    if not c:
        return (
            Gate(
                "confidence",
                degree,
                UNKNOWN,
                reason=e.certificate.reason or NOT_MEASURED,
                message="no ranking to judge",
            )
            if e.certificate.threshold is None
            else Gate(
                "confidence", degree, PASS, message="outcomes of the disagreements do not rank single errors"
            )
        )
    ci = ci_of(c["auroc_ci"])
    everything = e.certificate.coverage == 1.0 or c["auroc"] is None
    fine = everything or bool(c["informative"])
    said = "every case is certified, no ranking is needed" if everything else ""
    said = (
        said
        or f"right decisions are more confident than wrong ones in {percent(c['auroc'])} of pairs{span(ci)}"
    )
    return Gate(
        "confidence",
        degree,
        PASS if fine else FAIL,
        value=c["auroc"],
        ci=ci,
        limit=0.5,
        n=c["n"],
        reason="" if fine else "confidence-uninformative",
        message=said,
    )


def _blinding(e: Evidence) -> Gate:
    known = e.decisions.blinding.known
    bias = e.assistance.get("automation_bias")
    fine = known in {"known", "assumed"} or bias is not None
    return Gate(
        "blinding",
        Degree.PARTIAL.value,
        PASS if fine else UNKNOWN,
        evidence=False,
        value=bias,
        reason="" if fine else "blinding-unknown",
        message="people decided blindly" if fine else "people may have followed the output (human_saw_model)",
    )


def _confirm(e: Evidence, s: Automation) -> Gate:
    """The threshold of an earlier certificate has to hold on what came after it."""
    degree, c = Degree.PARTIAL.value, e.confirmation
    if not c or not c.get("n"):
        said = "record this certificate (--record) and run again on the next window"
        return Gate("confirm", degree, UNKNOWN, evidence=False, reason="confirm", message=said)
    status = PASS if c["passed"] else UNKNOWN
    return Gate(
        "confirm",
        degree,
        status,
        evidence=False,
        value=c["p"],
        limit=s.delta,
        n=c["n"],
        n_needed=c.get("n_needed"),
        reason="" if status is PASS else "confirm",
        message=f"the threshold {e.looks.threshold:.6g} on {c['n']} later items: p {c['p']:.3g}",
    )


def full(e: Evidence, s: Automation) -> list[Gate]:
    """Before every decision is."""
    degree, c = Degree.FULL.value, e.certificate
    whole = c.coverage is not None and c.coverage >= 1 - 1e-12
    status = PASS if whole else FAIL if c.threshold is not None else UNKNOWN
    return [
        Gate(
            "coverage",
            degree,
            status,
            value=c.coverage,
            limit=1.0,
            n=c.accepted,
            reason="" if whole else "coverage",
            message="every case is certified" if whole else "not every case is certified",
        ),
        _remainder(e, s),
        _every_slice(e),
        _audited(e, s),
        Gate(
            "windows",
            degree,
            PASS if e.looks.windows >= 2 else UNKNOWN,
            evidence=False,
            value=float(e.looks.windows),
            limit=2.0,
            reason="" if e.looks.windows >= 2 else "windows",
            message=f"certified in {e.looks.windows} windows on record (2 wanted)",
        ),
    ]


def _remainder(e: Evidence, s: Automation) -> Gate:
    degree, r = Degree.FULL.value, e.remainder
    if not r or r["ci"] is None:
        return Gate(
            "remainder", degree, UNKNOWN, limit=-s.margin_remainder, reason="no-outcome", message="not known"
        )
    low, high = r["ci"]
    status = PASS if low > -s.margin_remainder else FAIL if high < 0 else UNKNOWN
    needed = None
    if status is UNKNOWN and "discordant" in r:
        wanted = items_needed(r["discordant"], r["diff"], s.margin_remainder, s.alpha)
        needed = None if wanted is None else max(int((wanted - r["n"]) / r["share"]), 1)
    reason = {PASS: "", FAIL: "remainder", UNKNOWN: "too-few"}[status]
    said = f"on the least confident {percent(r['share'])} the model is {points(r['diff'])} "
    said += f"{'better' if r['diff'] >= 0 else 'worse'} than people{span((low, high))}"
    return Gate(
        "remainder",
        degree,
        status,
        value=r["diff"],
        ci=(low, high),
        limit=-s.margin_remainder,
        n=r["n"],
        n_needed=needed,
        reason=reason,
        message=said,
    )


def _every_slice(e: Evidence) -> Gate:
    tested = [x for x in e.segments if x["region"]]
    open_ = [x for x in tested if x["region"]["status"] != "pass"]
    failing = [x for x in open_ if x["region"]["status"] == "fail"]
    status = FAIL if failing else UNKNOWN if open_ else PASS
    names = ", ".join(f"{x['segment']}={x['value']}" for x in (failing or open_)[:5])
    return Gate(
        "every-slice",
        Degree.FULL.value,
        status,
        value=float(len(tested) - len(open_)),
        limit=float(len(tested)),
        n=len(tested),
        reason={PASS: "", FAIL: "slice", UNKNOWN: "slice-not-shown"}[status],
        message=f"not shown to be as good as people in {names}" if names else f"{len(tested)} slices hold",
    )


def _audited(e: Evidence, s: Automation) -> Gate:
    """Audits of what is automated: none at partial or full automation is being blind."""
    degree, a = Degree.FULL.value, e.audits
    if a.get("n"):
        alarm = bool(a.get("alarm"))
        return Gate(
            "audits",
            degree,
            FAIL if alarm else PASS,
            evidence=False,
            value=a["risk"]["value"],
            ci=ci_of(a["risk"]["ci"]),
            limit=a.get("target"),
            n=a["n"],
            reason="audit-alarm" if alarm else "",
            message=f"{a['wrong']} of {a['n']} audited decisions were wrong",
        )
    automated = s.current not in UNSEEN and s.current != Degree.ASSISTED.value
    return Gate(
        "audits",
        degree,
        FAIL if automated else UNKNOWN,
        evidence=False,
        reason="blind" if automated else NOT_MEASURED,
        message=f"no automated decision is audited (column audit; a random {percent(s.audit_share)})",
    )


def slices_gate(e: Evidence, degree: str) -> Gate:
    """Failing slices stay with people; one that nothing tells beforehand must not be far off."""
    failing = [x for x in e.segments if x["region"] and x["region"]["status"] == "fail"]
    far = [
        x
        for x in failing
        if x["segment"] == CLASS
        and (x["region"].get("diff") or 0.0) < -LARGE
        and degree == Degree.ASSISTED.value
    ]
    n = sum(1 for x in e.segments if x["region"])
    if far:
        names = ", ".join(f"{x['segment']}={x['value']}" for x in far)
        return Gate("slices", degree, FAIL, n=n, reason="slice", message=f"the model fails in {names}")
    said = f"{n} slices tested" if n else "no slices to test"
    if e.kept:
        said += f", {', '.join(e.kept)} kept with people"
    return Gate("slices", degree, PASS, value=float(len(failing)), n=n, message=said)
