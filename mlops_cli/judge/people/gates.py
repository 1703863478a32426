"""Evidence → gates: what has to hold before each degree of automation, with numbers and the n still missing."""

from collections.abc import Mapping
from typing import Any

from mlops_cli.config.automation import Automation
from mlops_cli.judge.people.evidence import Evidence
from mlops_cli.judge.people.slices import CLASS
from mlops_cli.profile.blind import UNSEEN
from mlops_cli.result.automation import Answer, Gate
from mlops_cli.result.verdict import Degree
from mlops_cli.stats.paired import items_needed
from mlops_cli.stats.proportion import wilson

PASS, FAIL, UNKNOWN = Answer.PASS, Answer.FAIL, Answer.UNKNOWN
BROKEN = 0.5  # share joined below which the comparison itself is broken
LARGE = 0.1  # effect of a slice that assistance may not have
NOT_MEASURED = "not-measured"


def gates(e: Evidence, s: Automation) -> tuple[Gate, ...]:
    """Every gate, from shadow to full automation."""
    out = [*_shadow(e, s), *_assisted(e, s), *_partial(e, s), *_full(e, s)]
    return tuple(out)


def _shadow(e: Evidence, s: Automation) -> list[Gate]:
    d, degree = e.decisions, Degree.SHADOW.value
    joined, items = d.joined, d.units.height
    lost = d.tally.human_only + d.tally.model_only
    status = PASS if joined >= s.min_joined else FAIL if joined < BROKEN and items else UNKNOWN
    out = [
        Gate(
            "joined",
            degree,
            status,
            value=joined,
            limit=s.min_joined,
            n=items + lost,
            reason="" if status is PASS else "join",
            message=f"{_share(joined)} of the items have decisions of both sides (at least {_share(s.min_joined)})",
        ),
        _null_rate(e, s),
        Gate(
            "latency",
            degree,
            UNKNOWN,
            evidence=False,
            reason=NOT_MEASURED,
            message="no latency in these logs",
        ),
        Gate(
            "errors", degree, UNKNOWN, evidence=False, reason=NOT_MEASURED, message="no errors in these logs"
        ),
        _hidden(e),
    ]
    return out


def _null_rate(e: Evidence, s: Automation) -> Gate:
    d = e.decisions
    n = d.rows.height
    value = d.tally.null_model / n if n else 0.0
    low, high = wilson(d.tally.null_model, n, 1 - s.alpha) if n else (0.0, 1.0)
    status = PASS if value <= s.max_null and n else FAIL if low > s.max_null else UNKNOWN
    return Gate(
        "null-rate",
        Degree.SHADOW.value,
        status,
        value=value,
        ci=(low, high),
        limit=s.max_null,
        n=n,
        reason="" if status is PASS else "null-outputs",
        message=f"{_share(value)} of the model's outputs are empty (at most {_share(s.max_null)})",
    )


def _hidden(e: Evidence) -> Gate:
    known = e.decisions.blinding
    if known.seen:
        status, reason, said = (
            FAIL,
            "output-seen",
            f"{known.seen} decisions were made after seeing the output",
        )
    elif known.known == "known":
        status, reason, said = PASS, "", "people decide without seeing the output"
    else:
        status, reason, said = UNKNOWN, "blinding-unknown", "nothing says whether people saw the output"
    return Gate(
        "hidden", Degree.SHADOW.value, status, evidence=False, n=known.seen, reason=reason, message=said
    )


def _assisted(e: Evidence, s: Automation) -> list[Gate]:
    degree = Degree.ASSISTED.value
    n = e.decisions.pairs.height
    enough = n >= s.min_pairs
    out = [
        Gate(
            "pairs",
            degree,
            PASS if enough else UNKNOWN,
            value=float(n),
            limit=float(s.min_pairs),
            n=n,
            n_needed=None if enough else s.min_pairs - n,
            reason="" if enough else "too-few",
            message=f"{n} blinded decisions of both sides (at least {s.min_pairs})",
        ),
        _quality(e, s),
        _complement(e),
        _slices(e, degree, s),
    ]
    if e.cost:
        out.append(
            Gate(
                "cost",
                degree,
                FAIL if e.cost["worse"] else PASS,
                value=e.cost["diff"],
                ci=_ci(e.cost["ci"]),
                limit=0.0,
                n=e.cost["n"],
                reason="cost" if e.cost["worse"] else "",
                message=f"the model's decisions cost {e.cost['diff']:+.3g} a case more than people's",
            )
        )
    return out


def _quality(e: Evidence, s: Automation) -> Gate:
    """Not worse than people overall, or surely good above a threshold."""
    gate = _overall(e, s)
    found = e.certificate
    if gate.status is not PASS and found.threshold is not None:
        return Gate(
            "quality",
            gate.degree,
            PASS,
            value=gate.value,
            ci=gate.ci,
            limit=gate.limit,
            n=gate.n,
            message=f"certified at confidence {found.threshold:.6g} or more: assist only there ({gate.message})",
        )
    return gate


def _overall(e: Evidence, s: Automation) -> Gate:
    degree, margin, p = Degree.ASSISTED.value, s.margin_assisted, e.paired
    if p.get("diff") is not None:
        ci = _ci(p["cluster_ci"] or p["ci"])
        status = PASS if p["non_inferior"] else FAIL if p["inferior"] else UNKNOWN
        spread = p.get("discordant", p.get("se", 0.0) ** 2 * p["n"] + p["diff"] ** 2)
        needed = items_needed(spread, p["diff"], margin, s.alpha)
        short = None if status is not UNKNOWN or needed is None else max(needed - p["n"], 1)
        reason = {PASS: "", FAIL: "worse-than-people", UNKNOWN: "too-few" if short else "not-shown"}[status]
        said = (
            f"right {_points(p['diff'])} {'more' if p['diff'] >= 0 else 'less'} often than people{_range(ci)}"
        )
        return Gate("quality", degree, status, True, p["diff"], ci, -margin, p["n"], short, reason, said)
    excess = e.ceiling.get("excess")
    if excess and excess["mean"] is not None:
        ci = _ci(excess["ci"])
        status = {"at-ceiling": PASS, "below-ceiling": FAIL}.get(e.ceiling["verdict"], UNKNOWN)
        reason = {PASS: "", FAIL: "below-ceiling", UNKNOWN: "too-few"}[status]
        direction = "more" if excess["mean"] >= 0 else "less"
        said = f"agrees with people {_points(excess['mean'])} {direction} than they do with each other{_range(ci)}"
        return Gate(
            "quality",
            degree,
            status,
            True,
            excess["mean"],
            ci,
            -margin,
            e.ceiling["n_items"],
            None,
            reason,
            said,
        )
    reason = str(p.get("reason") or "no-outcome")
    return Gate(
        "quality",
        degree,
        UNKNOWN,
        limit=-margin,
        reason=reason,
        message="neither outcomes nor a second person an item say how good model and people are",
    )


def _complement(e: Evidence) -> Gate:
    p, degree = e.paired, Degree.ASSISTED.value
    if "complement" in p:
        k, n, ci = p["complement"]["k"], p["complement"]["n"], p["complement"]["ci"]
    elif p.get("diff") is not None and "first" in e.curve.units.columns:
        k, n = int(e.curve.units["first"].sum()), e.curve.units.height
        ci = list(wilson(k, n, 0.95))
    else:
        return Gate(
            "complement", degree, UNKNOWN, reason=NOT_MEASURED, message="no outcome says who was right"
        )
    fine = k > 0
    return Gate(
        "complement",
        degree,
        PASS if fine else FAIL,
        value=k / n if n else None,
        ci=_ci(ci),
        limit=0.0,
        n=n,
        reason="" if fine else "no-gain",
        message=f"the model is right on {k} of {n} items on which people err",
    )


def _slices(e: Evidence, degree: str, s: Automation) -> Gate:
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
    del s
    return Gate("slices", degree, PASS, value=float(len(failing)), n=n, message=said)


def _partial(e: Evidence, s: Automation) -> list[Gate]:
    degree = Degree.PARTIAL.value
    out = [_certified(e, s), _informative(e), _slices(e, degree, s), _blinding(e), _confirm(e, s)]
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
                message="people would still decide " + (_share(load) if load is not None else "everything"),
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
            message=f"{_share(c.coverage or 0)} may be automated at confidence {c.threshold:.6g} or more",
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
    ci = _ci(c["auroc_ci"])
    everything = e.certificate.coverage == 1.0 or c["auroc"] is None
    fine = everything or bool(c["informative"])
    said = "every case is certified, no ranking is needed" if everything else ""
    said = (
        said
        or f"right decisions are more confident than wrong ones in {_share(c['auroc'])} of pairs{_range(ci)}"
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


def _full(e: Evidence, s: Automation) -> list[Gate]:
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
            "remainder", degree, UNKNOWN, limit=-s.margin_remainder, reason=NOT_MEASURED, message="not known"
        )
    low, high = r["ci"]
    status = PASS if low > -s.margin_remainder else FAIL if high < 0 else UNKNOWN
    needed = None
    if status is UNKNOWN and "discordant" in r:
        wanted = items_needed(r["discordant"], r["diff"], s.margin_remainder, s.alpha)
        needed = None if wanted is None else max(int((wanted - r["n"]) / r["share"]), 1)
    reason = {PASS: "", FAIL: "remainder", UNKNOWN: "too-few"}[status]
    said = f"on the least confident {_share(r['share'])} the model is {_points(r['diff'])} "
    said += f"{'better' if r['diff'] >= 0 else 'worse'} than people{_range((low, high))}"
    return Gate(
        "remainder",
        degree,
        status,
        True,
        r["diff"],
        (low, high),
        -s.margin_remainder,
        r["n"],
        needed,
        reason,
        said,
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
            ci=_ci(a["risk"]["ci"]),
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
        message=f"no automated decision is audited (column audit; a random {_share(s.audit_share)})",
    )


def _ci(found: Any) -> tuple[float, float] | None:
    return None if found is None else (float(found[0]), float(found[1]))


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _points(value: float) -> str:
    return f"{100 * abs(value):.1f} pp"


def _range(ci: tuple[float, float] | None) -> str:
    return "" if ci is None else f" [{100 * ci[0]:.1f}, {100 * ci[1]:.1f}]"
