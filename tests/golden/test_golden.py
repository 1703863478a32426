"""One report in every format, byte for byte: `pytest tests/golden --update-golden`, then read the diff."""

import io
from pathlib import Path

import pytest

from mlops_cli.render.registry import RENDERERS

HERE = Path(__file__).parent
FILES = {
    "text": "report.txt",
    "full": "report-full.txt",
    "line": "report-line.txt",
    "json": "report.json",
    "jsonl": "report.jsonl",
    "markdown": "report.md",
    "junit": "report.xml",
    "github": "report.github.txt",
    "prometheus": "report.prom",
}
SEEN = {"narrow.ansi": ("80", "text"), "wide.ansi": ("160", "text")}


@pytest.fixture
def compare(request, monkeypatch):
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def check(said, file):
        path = HERE / file
        if request.config.getoption("--update-golden"):
            path.write_text(said, encoding="utf-8", newline="\n")
        return said, path.read_text(encoding="utf-8") if path.exists() else ""

    return check


def said(name, report):
    out = io.StringIO()
    RENDERERS[name](report, out)
    return out.getvalue()


@pytest.mark.parametrize(("name", "file"), FILES.items())
def test_a_report_looks_as_it_was_agreed(name, file, reports, compare):
    actual, expected = compare(said(name, reports.report()), file)

    assert expected == actual


@pytest.mark.parametrize(("file", "how"), SEEN.items())
def test_a_terminal_shows_what_was_agreed(file, how, reports, compare, monkeypatch):
    monkeypatch.setenv("COLUMNS", how[0])
    monkeypatch.setenv("FORCE_COLOR", "1")

    actual, expected = compare(said(how[1], reports.report()), file)

    assert expected == actual
