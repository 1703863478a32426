"""`junit`: a test case a check, which every CI reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from mlops_cli.render.records import records
from mlops_cli.render.words import clean, conclusion, rest, sentence
from mlops_cli.result.exit_code import ExitCode
from mlops_cli.result.finding import Finding, Level, Status
from mlops_cli.result.report import Report
from mlops_cli.result.scope import Scope, iso


@dataclass(frozen=True)
class Case:
    """One check: `failure` and `skipped` are the reason, empty where there is none."""

    model: str
    classname: str
    name: str
    failure: str = ""
    skipped: str = ""
    said: str = ""
    body: str = ""


def render(report: Report, out: TextIO) -> None:
    """A suite a model, and one for the verdict, which fails exactly where the exit code is 1.

    Failure: an open alarm. Passed with output: a warning, or what recovered. Skipped: unknown. In ASCII, so
    that it is the same file in every encoding.
    """
    suites: dict[str, list[Case]] = {"verdict": [_verdict(report)]}
    for case in _cases(report):
        suites.setdefault(case.model, []).append(case)
    body = [line for name, cases in suites.items() for line in _suite(name, cases, report)]
    everything = [c for cases in suites.values() for c in cases]
    root = f'<testsuites name="mlops {_attribute(report.command)}" {_counts(everything)} time="0">'
    lines = ['<?xml version="1.0" encoding="utf-8"?>', root, *body, "</testsuites>"]
    out.write("\n".join(lines).encode("ascii", "xmlcharrefreplace").decode("ascii") + "\n")


def _verdict(report: Report) -> Case:
    said = conclusion(report)
    failed = report.exit_code not in {ExitCode.PASS, ExitCode.UNDECIDED}
    return Case(
        "verdict",
        "mlops.verdict",
        report.command,
        failure=said if failed else "",
        skipped=said if report.exit_code == ExitCode.UNDECIDED else "",
        said=said if report.exit_code == ExitCode.PASS else "",
        body=report.verdict.next_step,
    )


def _cases(report: Report) -> Iterator[Case]:
    """The judged series; findings that no table knows of come last."""
    found = {f.id: f for f in report.judgement.findings}
    for row in records(report.table("series")):
        if row["level"] is None:
            continue
        finding = found.pop(row["series"], None)
        if finding is not None:
            yield _found(finding)
            continue
        case = _named(row["group"], row["code"], row["model"], row["component"])
        name = _name(row["code"], row["field"], row["arm"], row["segment"])
        why = (row["why"] or "unknown") if row["level"] == "unknown" else ""
        yield Case(*case, name, skipped=why)
    yield from (_found(f) for f in found.values())


def _found(finding: Finding) -> Case:
    scope: Scope = finding.scope
    segment = ",".join(f"{k}={v}" for k, v in scope.segment)
    place = _named(finding.group, finding.code, scope.model, scope.component)
    name = _name(finding.code, scope.field, scope.arm, segment)
    more = [rest(finding), f"since {iso(finding.since)}", f"do: {finding.advice}" if finding.advice else ""]
    more += [f"owner: {finding.owner}" if finding.owner else "", finding.runbook or "", finding.id]
    body = "\n".join(clean(m) for m in more if m)
    if finding.level is Level.ALARM and finding.status is not Status.RECOVERED:
        return Case(*place, name, failure=sentence(finding), body=body)
    return Case(
        *place, name, said=f"{finding.level.word}, {finding.status.value}: {sentence(finding)}", body=body
    )


def _named(group: str, code: str, model: str, component: str) -> tuple[str, str]:
    return model, ".".join(["mlops", group or code, *([component] if component else [])])


def _name(code: str, field: str, arm: str, segment: str) -> str:
    slices = ",".join(s for s in (f"arm={arm}" if arm else "", segment) if s)
    return f"{code}{f' of {field}' if field else ''}{f'[{slices}]' if slices else ''}"


def _suite(name: str, cases: list[Case], report: Report) -> Iterator[str]:
    yield (
        f'<testsuite name="{_attribute(name or "mlops")}" {_counts(cases)} errors="0" time="0"'
        f' timestamp="{iso(report.generated)}">'
    )
    for case in cases:
        start = f'<testcase classname="{_attribute(case.classname)}" name="{_attribute(case.name)}" time="0"'
        inner = []
        if case.failure:
            inner.append(
                f'<failure type="alarm" message="{_attribute(case.failure)}">{_body(case)}</failure>'
            )
        elif case.skipped:
            inner.append(f'<skipped message="{_attribute(case.skipped)}"/>')
        elif case.said:
            inner.append(f"<system-out>{_body(case)}</system-out>")
        yield f"{start}>{''.join(inner)}</testcase>" if inner else f"{start}/>"
    yield "</testsuite>"


def _counts(cases: list[Case]) -> str:
    failures, skipped = (sum(bool(getattr(c, k)) for c in cases) for k in ("failure", "skipped"))
    return f'tests="{len(cases)}" failures="{failures}" skipped="{skipped}"'


def _body(case: Case) -> str:
    lines = "\n".join(t for t in (case.said or case.failure, case.body) if t)
    return escape("\n".join(clean(line) for line in lines.split("\n")))


def _attribute(text: str) -> str:
    return quoteattr(clean(text), {'"': "&quot;"})[1:-1]
