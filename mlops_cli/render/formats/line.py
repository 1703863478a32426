"""`line`: the verdict in one line, and nothing else (`-q`)."""

from typing import TextIO

from mlops_cli.render.words import conclusion
from mlops_cli.render.write import put
from mlops_cli.result.report import Report


def render(report: Report, out: TextIO) -> None:
    """`FAIL (exit 1), fix-pipeline: volume is 507 rows (...)`."""
    put(out, f"{conclusion(report)}\n")
