"""`mlops explain`: what a metric is, how it is taken and what to do when it alarms."""

import shutil
import textwrap
from collections.abc import Mapping
from typing import Annotated, Any

from typer import Argument, Option

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.options import Facts
from mlops_cli.cli.say import tell, tell_json
from mlops_cli.cli.toml import toml

WORSE = {"up": "more is worse", "down": "less is worse", "both": "both more and less can be bad"}
WIDEST = 100


def command(
    metric: Annotated[
        str,
        Argument(metavar="METRIC|FINDING", help="As `mlops metrics list` or a report names it."),
    ],
    ask: Ask,
    at: Annotated[str, Option(metavar="TIME", help="Which window. [a finding's worst, else the last]")] = "",
    form: Facts = "text",
) -> int:
    """What a metric is, and what to do when it alarms; with LOGS, why a window was judged as it was.

    Without LOGS: formula, source, unit, default lines, remedies. With LOGS, or of a finding's id: its value,
    its lines and what they are made of, the evidence, and what "3 sigma" would cost there.
    """
    if ask.paths or "/" in metric:
        from mlops_cli.cli.explained import explained, text  # noqa: PLC0415 # polars and numpy

        found = explained(metric, ask, at)
        return tell_json(found) if form == "json" else tell("\n\n".join(map(text, found)))
    facts = _of_metric(metric)
    return tell_json(facts) if form == "json" else tell(_text(facts))


def _of_metric(metric: str) -> dict[str, Any]:
    """What holds wherever the metric is taken."""
    from mlops_cli.config.lines import DEFAULT_LINES  # noqa: PLC0415
    from mlops_cli.config.settings import Settings  # noqa: PLC0415 # pydantic and polars
    from mlops_cli.metrics.registry import METRICS  # noqa: PLC0415

    code = metric if metric in METRICS else metric.lower().replace("_", "-")
    found = METRICS[code]
    settings = Settings()
    lines = {}
    for group, codes in DEFAULT_LINES.items():
        line = settings.line(group, code)
        if code in codes or group == found.group:
            drawn = (("warn", line.warn), ("alarm", line.alarm))
            lines[group] = {level: bound for level, bound in drawn if bound is not None}
    return {
        "code": code,
        "group": found.group,
        "unit": found.unit,
        "direction": found.direction,
        "help": found.help,
        "formula": found.formula,
        "source": found.source,
        "needs": list(found.needs),
        "lines": lines,
        "remedies": list(found.remedies),
    }


def _text(facts: Mapping[str, Any]) -> str:
    head = f"{facts['code']}: {facts['help']}."
    about = f"Of the group {facts['group']}, in {facts['unit']}; {WORSE[facts['direction']]}."
    out = [_wrapped(head), _wrapped(about), ""]
    out.append(_wrapped(facts["formula"], "formula   "))
    out.append(_wrapped(facts["source"], "source    "))
    if facts["needs"]:
        out.append(_wrapped(", ".join(facts["needs"]), "needs     "))
    for group, drawn in facts["lines"].items():
        out.append(_wrapped(_line(group, facts["code"], drawn), "lines     "))
    out += ["", "When it alarms:"]
    out += [_wrapped(text, f"  {i}. ") for i, text in enumerate(facts["remedies"], 1)]
    return "\n".join(out)


def _line(group: str, code: str, drawn: Mapping[str, Any]) -> str:
    """As it is written in `mlops.toml`."""
    if not drawn:
        said = "none by default: it is shown, not judged; draw one with"
        return f"{said} [metrics.{group}] {code} = {{ alarm = ... }}"
    return f"[metrics.{group}] {code} = {toml(drawn)}"


def _wrapped(text: str, label: str = "") -> str:
    width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
    indent = " " * len(label)
    return textwrap.fill(text, width, initial_indent=label, subsequent_indent=indent, break_on_hyphens=False)
