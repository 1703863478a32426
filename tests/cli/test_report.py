"""`mlops report`."""

import io
import json
import sys
from datetime import UTC, datetime

import pytest

from mlops_cli.cli.main import run
from mlops_cli.result.finding import Judgement, Level
from mlops_cli.result.report import Report
from mlops_cli.result.verdict import Action, Verdict

NOW = datetime(2026, 1, 31, tzinfo=UTC)
REPORT = Report(
    command="monitor",
    version="0",
    generated=NOW,
    now=NOW,
    exit_code=1,
    level=Level.ALARM,
    verdict=Verdict(Action.FIX_PIPELINE, "volume is 3 rows"),
    judgement=Judgement(Level.ALARM, 3, 0),
)
KEPT = json.dumps(REPORT.to_dict())


def test_a_kept_result_is_written_in_another_format_and_passes(tmp_path, capsys):
    (tmp_path / "a.json").write_text(KEPT)

    assert run(["report", str(tmp_path / "a.json"), "-f", "line", "-o", f"jsonl={tmp_path}/b.jsonl"]) == 0
    assert "volume is 3 rows" in capsys.readouterr().out
    assert (tmp_path / "b.jsonl").exists()


def test_a_result_as_json_again_is_the_same(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(KEPT))
    run(["report", "-", "-f", "json"])

    assert json.loads(capsys.readouterr().out) == REPORT.to_dict()


@pytest.mark.parametrize(
    ("text", "code", "what"),
    [
        (None, 4, "cannot read the result: No such file or directory"),
        ("{", 4, "this is no JSON"),
        ("[]", 4, "this is JSON, but no report"),
        ("{}", 4, "this is JSON, but no report"),
        (KEPT.replace('"alarm"', '"red"'), 4, "this is JSON, but no report"),
        (
            KEPT.replace('"schema": 1', '"schema": 2'),
            2,
            "this result is of schema 2, this mlops reads schema 1",
        ),
    ],
    ids=["absent", "cut", "list", "empty", "word", "newer"],
)
def test_what_is_no_report_is_said(text, code, what, tmp_path, capsys):
    if text is not None:
        (tmp_path / "a.json").write_text(text)

    assert run(["report", str(tmp_path / "a.json")]) == code
    assert capsys.readouterr().err.splitlines()[0] == f"mlops: {what}"


def test_anything_but_a_kept_result_is_logs(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "mlops_cli.cli.commands.monitor.command",
        lambda ask, output: asked.append((ask.paths, output.outputs)) or 1,
    )

    assert run(["report", "logs/", "-o", "html=page.html"]) == 1
    assert run(["report", "a.json", "b.json"]) == 1
    assert asked == [(("logs/",), ("html=page.html",)), (("a.json", "b.json"), ())]
