"""What a run tells GitHub Actions: annotations, the step summary and the step's outputs.

Annotations go to standard error, which the runner reads as well, so that `-f json > report.json` stays JSON.
"""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import TextIO

from mlops_cli.render.registry import RENDERERS
from mlops_cli.result.report import Report

SUMMARY = 1_000_000  # bytes of a step's summary; the runner aborts the upload of more than 1 MiB


def publish(report: Report, environ: Mapping[str, str], err: TextIO, *, annotate: bool = True) -> None:
    """Tell the runner, where there is one (`GITHUB_ACTIONS=true`).

    Parameters
    ----------
    report : of the run
    environ : names the runner's files
    err : for annotations, and a line for each file that cannot be written
    annotate : False where standard output has the annotations

    """
    if environ.get("GITHUB_ACTIONS") != "true":
        return
    if annotate:
        RENDERERS["github"](report, err)
    summary = StringIO()
    RENDERERS["markdown"](report, summary)
    outputs = f"verdict={report.verdict.action.value}\nexit-code={report.exit_code}\n"
    for name, text in (("GITHUB_STEP_SUMMARY", summary.getvalue()), ("GITHUB_OUTPUT", outputs)):
        if environ.get(name):
            _append(Path(environ[name]), text, name, err)


def _append(path: Path, text: str, name: str, err: TextIO) -> None:
    data = text.encode("utf-8", "replace")
    try:
        if name == "GITHUB_STEP_SUMMARY" and path.exists() and path.stat().st_size + len(data) > SUMMARY:
            err.write(f"mlops: {name} is full: this run's summary is left out\n")
            return
        with path.open("ab") as out:
            out.write(data)
    except OSError as error:
        err.write(f"mlops: cannot write {name}: {error.strerror}\n")
