"""`html`: one page that opens offline, with charts, sorting and filtering; nothing in it is fetched."""

from typing import TextIO

from mlops_cli.render.document import page
from mlops_cli.result.report import Report


def render(report: Report, out: TextIO) -> None:
    """The verdict first, then what moved, every metric, and what could not be judged."""
    out.write(page(report))
