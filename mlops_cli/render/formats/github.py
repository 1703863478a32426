"""`github`: workflow commands, so that findings stand on the lines of `mlops.toml` that they crossed.

A step shows at most 10 errors, 10 warnings and 10 notices; the rest is cut in silence, so the worst come
first and the last line counts what was left.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from mlops_cli.render.records import records
from mlops_cli.render.words import clean, conclusion, count, rest, sentence
from mlops_cli.render.write import put
from mlops_cli.result.finding import Finding, Level, Status
from mlops_cli.result.report import Report

A_STEP = 10
MESSAGE = 4_000  # characters; the runner cuts longer lines


def render(report: Report, out: TextIO) -> None:
    """Errors, warnings, then the verdict."""
    failing = _failing(report.judgement.findings, report.exit_code)
    alarms = [f for f in failing if f.level is Level.ALARM]
    warnings = [f for f in failing if f.level is Level.WARNING]
    bounds = {(r["group"], r["code"], r["level"]): r for r in records(report.table("bounds"))}
    said = [_annotation("error", f, bounds) for f in alarms[:A_STEP]]
    room = A_STEP - (report.exit_code == 3)  # an undecided verdict is a warning of its own
    said += [_annotation("warning", f, bounds) for f in warnings[:room]]
    kind = {0: "notice", 1: "notice", 3: "warning"}.get(report.exit_code, "error")
    said.append(f"::{kind} title={_property(f'mlops {report.command}')}::{_data(conclusion(report))}")
    left = len(alarms[A_STEP:]) + len(warnings[room:])
    if left:
        said.append(f"and {count(left, 'more finding')}: see the step summary or the report")
    put(out, "\n".join(said) + "\n")


def _failing(findings: Sequence[Finding], exit_code: int) -> list[Finding]:
    """What is open; where the gate failed on what opened and recovered since, that."""
    held = [f for f in findings if f.status is not Status.RECOVERED]
    return held if held or exit_code != 1 else list(findings)


def _annotation(
    kind: str,
    finding: Finding,
    bounds: Mapping[tuple[str, str, str], Mapping[str, Any]],
) -> str:
    bound = bounds.get((finding.group, finding.code, finding.level.word))
    properties = [f"title={_property(finding.id)}"]
    if bound is not None:
        properties = [f"file={_property(bound['file'])}", f"line={bound['line']}", *properties]
    said = [sentence(finding), rest(finding), finding.advice and f"do: {finding.advice}"]
    return f"::{kind} {','.join(properties)}::{'%0A'.join(_data(s) for s in said if s)}"


def _data(text: str) -> str:
    """The message of a command: a percent sign starts an escape."""
    said = clean(text)
    if len(said) > MESSAGE:
        said = said[: MESSAGE - 1] + "…"
    return said.replace("%", "%25")


def _property(text: str) -> str:
    """A property's value: colons and commas end it."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
