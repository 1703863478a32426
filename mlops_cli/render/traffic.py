"""Two arms on a page: how far traffic may go, and each metric's change between its bounds."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from mlops_cli.render.arms import MARKS, of_arms
from mlops_cli.render.chart import whisker
from mlops_cli.render.figures import MARKS as GLYPHS
from mlops_cli.render.look import Look
from mlops_cli.render.people import of_people, people
from mlops_cli.render.pipeline import of_pipeline, pipeline
from mlops_cli.render.words import clean, count, quantity
from mlops_cli.result.report import Report

WIDTH = 112  # letters of what is shown as text


def traffic(report: Report) -> dict[str, Any] | None:
    """The comparison of two arms, None where there is none."""
    found = of_arms(report)
    if found is None:
        return None
    return {
        "control": clean(found["control"]),
        "treatment": clean(found["treatment"]),
        "steps": _steps(found),
        "now": quantity(found["current_share"], "share"),
        "units": f"{count(found['units_in_step'])} {clean(found['unit'])}s in "
        f"{count(found['windows_in_step'], 'window')} at this share; evidence: {clean(found['evidence'])}",
        "metrics": [_metric(m) for m in found["metrics"]],
    }


def _steps(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each share with where it stands: done, next, allowed or ahead."""
    now, after, allowed = found["current_share"], found["next_share"], found["allowed_shares"]
    out = []
    for share in found["steps"]:
        state = "ahead"
        if share <= now + 1e-9:
            state = "done"
        elif share == after:
            state = "next"
        elif share in allowed:
            state = "allowed"
        out.append((quantity(share, "share"), state))
    return out


def _metric(m: Mapping[str, Any]) -> dict[str, Any]:
    level = MARKS.get(m["verdict"], "") if m["role"] != "watch" else ""
    shown = m.get("shown") or {}
    verdict = clean(m["verdict"]) + (
        f", {count(m['eta'], 'window')}" if m["verdict"] == "unknown" and m["eta"] else ""
    )
    return {
        "level": level,
        "mark": GLYPHS.get(level, ""),
        "name": clean(m["name"]),
        "role": clean(m["role"]),
        "verdict": verdict,
        "reason": clean(m["reason"]),
        "svg": whisker(m["lower"], m["estimate"], m["upper"], m["margin"]),
        **{k: clean(shown.get(k, "–")) for k in ("control", "treatment", "estimate", "upper", "margin")},
    }


def blocks(report: Report) -> list[tuple[str, str]]:
    """What has no drawing of its own yet, as the terminal has it."""
    look = Look(WIDTH, every=True)
    out = []
    if of_people(report) is not None:
        out.append(("The model and people", people(report, look)))
    if of_pipeline(report) is not None:
        out.append(("Components", pipeline(report, look)))
    return [(title, _plain(lines)) for title, lines in out]


def _plain(lines: Any) -> str:
    said: list[Text] = list(lines)
    return "\n".join(line.plain.rstrip() for line in said).strip("\n")
