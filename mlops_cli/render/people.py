"""People and a model in the terminal: four things first, and with `--explain` all that is behind them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from mlops_cli.render.grid import Column, Row, grid
from mlops_cli.render.look import Look, labelled
from mlops_cli.render.words import clean, count, quantity
from mlops_cli.result.report import Report

LABEL = 12
MARKS = {"pass": "ok", "fail": "alarm", "unknown": "unknown"}
MOST = 5  # disagreements and classes in the short view
TOLD = 12  # the same with everything


def of_people(report: Report) -> Mapping[str, Any] | None:
    """The comparison of this report, None where it has none."""
    found = report.details.get("automation")
    return found if isinstance(found, Mapping) else None


def people(report: Report, look: Look) -> Iterator[Text]:
    """Agreement, ceiling, who is right, where they part; of `automation` degree and certificate before it."""
    found = of_people(report)
    if found is None:
        return
    yield Text()
    if report.command == "automation":
        yield from _degree(found, look)
        yield from _certificate(found, look)
    yield from _agreement(found, look)
    yield from _ceiling(found, look)
    yield from _right(found, look)
    yield from _parted(found, look)
    if report.command == "automation" or look.every:
        yield from _gates(found, look)
    if look.every:
        yield from _explained(found, look)
    yield from _warnings(found, look)


def percent(value: float | None, ci: Sequence[float] | None = None) -> str:
    """`85.9 % [85.2, 86.6]`."""
    if value is None:
        return quantity(None, "")
    said = f"{100 * value:.1f} %"
    return said if ci is None else f"{said} [{100 * ci[0]:.1f}, {100 * ci[1]:.1f}]"


def points(value: float | None, ci: Sequence[float] | None = None) -> str:
    """`-6.2 pp [-6.9, -5.5]`."""
    if value is None:
        return quantity(None, "")
    said = f"{100 * value:+.1f} pp"
    return said if ci is None else f"{said} [{100 * ci[0]:.1f}, {100 * ci[1]:.1f}]"


def plain(found: Mapping[str, Any] | None) -> str:
    """`0.84 [0.83, 0.85]` of a coefficient; why there is none."""
    if not found:
        return quantity(None, "")
    if found.get("value") is None:
        return f"none ({found.get('reason', 'unknown')})"
    ci = found.get("ci")
    return f"{found['value']:.3f}" + (f" [{ci[0]:.3f}, {ci[1]:.3f}]" if ci else "")


def _line(label: str, said: str, look: Look) -> Iterator[Text]:
    yield from labelled(label, Text(clean(said)), look, LABEL)


def _degree(found: Mapping[str, Any], look: Look) -> Iterator[Text]:
    degree = found["degree"]
    said = f"{degree['current']} now, {degree['supported']} supported, {degree['recommended']} recommended"
    if degree["reason"]:
        said += f" ({', '.join(degree['reason'])})"
    yield from _line("degree", said, look)
    if degree["with_kept"] and degree["with_kept"] != degree["supported"]:
        yield from _line(
            "", f"{degree['with_kept']} with {', '.join(found['kept_with_people'])} kept with people", look
        )


def _certificate(found: Mapping[str, Any], look: Look) -> Iterator[Text]:
    c = found["certificate"]
    if c["threshold"] is None:
        missing = f": about {count(c['n_needed'])} more items are needed" if c["n_needed"] else ""
        yield from _line("certificate", f"none, {c['reason']}{missing}", look)
        return
    said = f"confidence {c['threshold']:.6g} or more: {percent(c['coverage'])} of the items"
    if c["errors"] is not None:
        said += f", {count(c['errors'])} of {count(c['accepted'])} wrong (at most {percent(c['upper'])})"
    if c["difference"] is not None:
        said += f", {points(c['difference'], c['difference_ci'])} against people"
    yield from _line("certificate", said, look)
    promise = " and ".join(_targets(c["targets"]))
    look_ = "a single look" if c["looks"] is None else f"look {c['looks']}"
    yield from _line("", f"{promise}, wrong with a chance of at most {c['delta']:.3g}, {look_}", look)
    saved = f"; saves people {count(round(c['minutes_saved']))} minutes" if c["minutes_saved"] else ""
    yield from _line("", f"people still decide {percent(c['human_load'])}{saved}", look)


def _targets(targets: Mapping[str, float]) -> list[str]:
    out = []
    if "margin" in targets:
        out.append(f"at most {100 * targets['margin']:g} pp worse than people")
    if "max_error" in targets:
        out.append(f"at most {100 * targets['max_error']:g} % wrong")
    return out


def _agreement(found: Mapping[str, Any], look: Look) -> Iterator[Text]:
    a = found["agreement"]
    if a.get("value") is None:
        yield from _line("agreement", f"none ({a.get('reason', 'unknown')})", look)
        return
    n = found["numeric"]
    if n:
        said = f"bias {n['bias']:+.4g} {_bounds(n['bias_ci'])}, limits {_bounds(n['limits'])}"
        yield from _line("agreement", f"{said}, CCC {_number(n['ccc'])} {_bounds(n['ccc_ci'])}", look)
        near = n["within_tolerance"]
        yield from _line("", f"{percent(near['value'])} within {near['tolerance']:g}", look)
        return
    said = f"{percent(a['value'], a['ci'])} of {count(a['n'])} decisions"
    if "ac1" in a:
        said += f"; AC1 {plain(a['ac1'])}, kappa {plain(a['kappa'])}"
    yield from _line("agreement", said, look)
    if a.get("paradox"):
        yield from _line("", "kappa and AC1 part: nearly all decisions are of one class", look)


def _ceiling(found: Mapping[str, Any], look: Look) -> Iterator[Text]:
    c = found["ceiling"]
    if not c.get("n_items"):
        yield from _line(
            "people", "no item has two people: how far they agree with each other is not known", look
        )
        return
    said = f"agree with each other in {percent(c['human_human']['mean'])}, with the model in "
    excess = points(c["excess"]["mean"], c["excess"]["ci"])
    said += f"{percent(c['model_human']['mean'])}: {excess}, {c['verdict']}"
    yield from _line("people", said, look)


def _right(found: Mapping[str, Any], look: Look) -> Iterator[Text]:
    p = found["paired"]
    if p.get("diff") is None:
        missing = found["labels_needed"]["n"]
        more = f": label the {count(missing)} disagreements" if missing else ""
        yield from _line("right", f"not known, {p.get('reason', 'no-outcome')}{more}", look)
        return
    said = f"the model {points(p['diff'], p['cluster_ci'] or p['ci'])} against people, n {count(p['n'])}"
    if p.get("model_accuracy"):
        said += f" ({percent(p['model_accuracy']['value'])} against {percent(p['human_accuracy']['value'])})"
    yield from _line("right", said, look)
    if p.get("cost"):
        cost = p["cost"]
        ci = cost["ci"]
        yield from _line(
            "", f"cost a case {cost['diff']:+.3g} [{ci[0]:.3g}, {ci[1]:.3g}] against people", look
        )


def _parted(found: Mapping[str, Any], look: Look) -> Iterator[Text]:
    said = []
    confused = [c for c in found["agreement"].get("confusions", ()) if c["q"] <= 0.1]
    said += [
        f"people {c['people']}, model {c['model']}: {count(c['n'])} ({count(c['other_way'])} the other way)"
        for c in confused[:3]
    ]
    apart = [s for s in found["segments"] if s["parts"]]
    said += [
        f"{s['segment']}={s['value']}: {percent(s['disagreement'])} against {percent(s['rest'])} elsewhere"
        for s in apart[:3]
    ]
    for i, one in enumerate(said or ["no class or slice more than the others"]):
        yield from _line("" if i else "part in", one, look)
    shown = found["disagreements"][: TOLD if look.every else MOST]
    if not shown:
        return
    yield Text()
    yield Text("   The most confident disagreements", "bold")
    names = [
        n for n in ("item", "model_decision", "human_decision", "outcome", "confidence") if n in shown[0]
    ]
    head: Row = {n: Text(n.removesuffix("_decision"), "dim") for n in names}
    body: list[Row] = [{n: Text(_cell(one[n])) for n in names} for one in shown]
    columns = [Column(n, right=n == "confidence", least=8 if n != "confidence" else None) for n in names]
    laid = grid(columns, [head, *body], look.width - 3, look.ellipsis)
    for row in (head, *body):
        yield laid.line(row, 3)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else clean(value)


def _gates(found: Mapping[str, Any], look: Look) -> Iterator[Text]:
    """Gates by degree; of the short view what holds is only named."""
    yield Text()
    yield Text("   Gates", "bold")
    for degree in ("shadow", "assisted", "partial", "full"):
        gates = [g for g in found["gates"] if g["degree"] == degree]
        fine = [g["name"] for g in gates if g["status"] == "pass"]
        open_ = [g for g in gates if g["status"] != "pass" and g["reason"] != "not-measured"]
        silent = [g["name"] for g in gates if g["reason"] == "not-measured"]
        if look.every:
            open_, fine = gates, []
            silent = []
        label = degree
        if fine:
            yield from _gate(label, "ok", f"{', '.join(fine)}", look)
            label = ""
        for g in open_:
            missing = f" (about {count(g['n_needed'])} more items)" if g["n_needed"] else ""
            yield from _gate(label, MARKS[g["status"]], f"{g['name']}: {g['message']}{missing}", look)
            label = ""
        if silent:
            yield from _gate(label, "unknown", f"not measured here: {', '.join(silent)}", look)


def _gate(label: str, level: str, said: str, look: Look) -> Iterator[Text]:
    for i, line in enumerate(look.wrapped(Text(clean(said)), LABEL + 5)):
        if i:
            yield line
            continue
        head = Text(f"   {label:<{LABEL - 1}}", "dim")
        yield head.append_text(look.mark(level)).append("  ").append_text(line[LABEL + 5 :])


def _explained(found: Mapping[str, Any], look: Look) -> Iterator[Text]:
    """What the short view leaves out, a line a figure."""
    yield Text()
    yield Text("   Explained", "bold")
    for label, said in (*_beyond(found), *_tests(found), *_confidence(found), *_advice(found)):
        yield from labelled(label, Text(clean(said)), look, LABEL + 6)


def _beyond(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    a, c, n = found["agreement"], found["ceiling"], found["numeric"]
    for name in ("kappa_linear", "kappa_quadratic"):
        if name in a:
            yield name.replace("_", " "), plain(a[name])
    if "alpha" in c:
        yield "alpha of people", f"{plain(c['alpha'])} ({c['alpha']['scale']}), AC1 {plain(c['ac1'])}"
    if "alternative_annotator" in c:
        t = c["alternative_annotator"]
        rate = percent(t["winning_rate"])
        yield "annotator test", f"may replace {rate} of {t['people']} people (epsilon {t['epsilon']:g})"
    for one in a.get("specific", ())[:TOLD]:
        both = f"people {count(one['people'])}, model {count(one['model'])}"
        yield f"class {one['class']}", f"{percent(one['value'], one['ci'])}, {both}"
    for one in c.get("people", ())[:TOLD]:
        others = "" if one["with_others"] is None else f", with the others {percent(one['with_others'])}"
        with_model = percent(one["with_model"])
        yield one["person"], f"{count(one['n'])} decisions, with the model {with_model}{others}"
    if n:
        slope = f"slope {_number(n['slope'])} (p {_number(n['slope_p'])})"
        yield "bias", f"{n['bias']:+.4g}, limits of agreement {_bounds(n['limits'])}, {slope}"
        parts = f"precision {_number(n['precision'])}, accuracy {_number(n['accuracy'])}"
        yield "concordance", f"CCC {_number(n['ccc'])} {_bounds(n['ccc_ci'])}, {parts}"


def _tests(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    a, p = found["agreement"], found["paired"]
    for name in ("stuart_maxwell", "bowker"):
        if name in a:
            test = a[name]
            said = f"{_number(test['statistic'])}, df {test['df']}, p {_number(test['p'])}"
            yield name.replace("_", "-"), said
    if p.get("mcnemar"):
        only = f"only model right {count(p['only_model_right'])}, only people {count(p['only_human_right'])}"
        yield "McNemar", f"{only}, mid-p {_number(p['mcnemar']['mid_p'])}"
    if p.get("error_consistency") is not None:
        either = percent(p["either_right"])
        yield "errors", f"consistency {p['error_consistency']:.3f}, either right {either}"
    if p.get("worst_case"):
        low, high = (points(x) for x in p["worst_case"])
        yield "worst case", f"{low} to {high} whatever the {count(p.get('unlabelled', 0))} unlabelled are"


def _confidence(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    c, r = found["confidence"], found["remainder"]
    if "auroc" in c:
        area = f"AURC {_number(c['aurc'])} ({_number(c['e_aurc'])} above the best)"
        yield "confidence", f"AUROC {_number(c['auroc'])} {_bounds(c['auroc_ci'])}, {area}"
    k = c.get("calibration")
    if k:
        test = f"z {k['spiegelhalter_z']:.3g} (p {_number(k['spiegelhalter_p'])})"
        gaps = f"ECE {k['ece']:.4f} (equal width {k['ece_width']:.4f})"
        yield "calibration", f"{gaps}, Brier {k['brier']:.4f}, {test}"
    if c.get("best_team"):
        t = c["best_team"]
        alone = f"people {percent(t['people'])}, model {percent(t['model'])}"
        yield "best team", f"{percent(t['accuracy'])} at {percent(t['coverage'])} automated, as seen; {alone}"
    if r:
        diff = points(r["diff"], r["ci"])
        yield (
            "remainder",
            f"the least confident {percent(r['share'])}: {diff} against people, n {count(r['n'])}",
        )


def _advice(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    a = found["assistance"]
    if not a:
        return
    over = a["override_rate"]
    yield "overrides", f"{percent(over['value'], over['ci'])} of {count(over['n'])}"
    if "gain" in a:
        gain = points(a["gain"]["diff"], a["gain"].get("cluster_ci") or a["gain"]["ci"])
        yield "gain", f"{gain} after seeing the output"
        yield "complementarity", f"{points(a['complementarity'])} against the better of model and people"
        wrong = percent(a["over_reliance"]["value"])
        yield "reliance", f"took right advice {percent(a['rair']['value'])}, wrong advice {wrong}"
    if a.get("automation_bias") is not None:
        yield "automation bias", points(a["automation_bias"])
    if "time_ratio" in a:
        t = a["time_ratio"]
        yield "time", f"{t['value']:.2f} times as long when the output is seen {_bounds(t['ci'])}"


def _bounds(ci: Sequence[float] | None) -> str:
    return "" if ci is None else f"[{ci[0]:.3g}, {ci[1]:.3g}]"


def _number(value: float | None) -> str:
    return quantity(None, "") if value is None else f"{value:.3g}"


def _warnings(found: Mapping[str, Any], look: Look) -> Iterator[Text]:
    if not found["warnings"]:
        return
    yield Text()
    yield Text("   Mind", "bold")
    for one in found["warnings"]:
        yield from look.wrapped(Text(clean(one)), 3, 5)
