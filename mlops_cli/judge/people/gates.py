"""Evidence → gates: what has to hold before each degree of automation, and the n still missing."""

from mlops_cli.config.automation import Automation
from mlops_cli.judge.people.autonomy import FAIL, NOT_MEASURED, PASS, UNKNOWN, full, partial, slices_gate
from mlops_cli.judge.people.evidence import Evidence
from mlops_cli.judge.people.words import ci_of, percent, points, span
from mlops_cli.result.automation import Gate
from mlops_cli.result.verdict import Degree
from mlops_cli.stats.paired import items_needed
from mlops_cli.stats.proportion import wilson

BROKEN = 0.5  # share joined below which the comparison itself is broken


def gates(e: Evidence, s: Automation) -> tuple[Gate, ...]:
    """Every gate, from shadow to full automation."""
    return (*_shadow(e, s), *_assisted(e, s), *partial(e, s), *full(e, s))


def _shadow(e: Evidence, s: Automation) -> list[Gate]:
    d, degree = e.decisions, Degree.SHADOW.value
    joined, items = d.joined, d.units.height
    lost = d.tally.human_only + d.tally.model_only
    status = PASS if joined >= s.min_joined else FAIL if joined < BROKEN and items else UNKNOWN
    return [
        Gate(
            "joined",
            degree,
            status,
            value=joined,
            limit=s.min_joined,
            n=items + lost,
            reason="" if status is PASS else "join",
            message=f"{percent(joined)} of the items have both sides (at least {percent(s.min_joined)})",
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


def _null_rate(e: Evidence, s: Automation) -> Gate:
    d = e.decisions
    n = d.rows.height
    value = d.tally.null_model / n if n else 0.0
    low, high = wilson(d.tally.null_model, n, 1 - s.alpha) if n else (0.0, 1.0)
    known = FAIL if low > s.max_null and n >= s.min_slice else UNKNOWN
    status = PASS if value <= s.max_null and n else known
    return Gate(
        "null-rate",
        Degree.SHADOW.value,
        status,
        value=value,
        ci=(low, high),
        limit=s.max_null,
        n=n,
        reason="" if status is PASS else "null-outputs",
        message=f"{percent(value)} of the model's outputs are empty (at most {percent(s.max_null)})",
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
        slices_gate(e, degree),
    ]
    if e.cost:
        out.append(
            Gate(
                "cost",
                degree,
                FAIL if e.cost["worse"] else PASS,
                value=e.cost["diff"],
                ci=ci_of(e.cost["ci"]),
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
            message=f"certified at confidence {found.threshold:.6g} or more: assist there ({gate.message})",
        )
    return gate


def _overall(e: Evidence, s: Automation) -> Gate:
    degree, margin, p = Degree.ASSISTED.value, s.margin_assisted, e.paired
    if p.get("diff") is not None:
        ci = ci_of(p["cluster_ci"] or p["ci"])
        status = PASS if p["non_inferior"] else FAIL if p["inferior"] else UNKNOWN
        spread = p.get("discordant", p.get("se", 0.0) ** 2 * p["n"] + p["diff"] ** 2)
        needed = items_needed(spread, p["diff"], margin, s.alpha)
        short = None if status is not UNKNOWN or needed is None else max(needed - p["n"], 1)
        reason = {PASS: "", FAIL: "worse-than-people", UNKNOWN: "too-few" if short else "not-shown"}[status]
        said = f"right {points(p['diff'])} {'more' if p['diff'] >= 0 else 'less'} often than people{span(ci)}"
        return Gate(
            "quality",
            degree,
            status,
            value=p["diff"],
            ci=ci,
            limit=-margin,
            n=p["n"],
            n_needed=short,
            reason=reason,
            message=said,
        )
    excess = e.ceiling.get("excess")
    if excess and excess["mean"] is not None:
        ci = ci_of(excess["ci"])
        status = {"at-ceiling": PASS, "below-ceiling": FAIL}.get(e.ceiling["verdict"], UNKNOWN)
        reason = {PASS: "", FAIL: "below-ceiling", UNKNOWN: "too-few"}[status]
        direction = "more" if excess["mean"] >= 0 else "less"
        said = (
            f"agrees with people {points(excess['mean'])} {direction} than they do with each other{span(ci)}"
        )
        return Gate(
            "quality",
            degree,
            status,
            value=excess["mean"],
            ci=ci,
            limit=-margin,
            n=e.ceiling["n_items"],
            reason=reason,
            message=said,
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
        ci=ci_of(ci),
        limit=0.0,
        n=n,
        reason="" if fine else "no-gain",
        message=f"the model is right on {k} of {n} items on which people err",
    )
