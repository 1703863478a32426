"""Where a result goes."""

import io
import sys
from datetime import UTC, datetime

import pytest

from mlops_cli.cli.options import Output
from mlops_cli.cli.say import columns, say, targets, write
from mlops_cli.cli.streams import colored
from mlops_cli.errors import UsageError
from mlops_cli.result.finding import Judgement, Level
from mlops_cli.result.report import Report
from mlops_cli.result.verdict import Action, Verdict

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def report(exit_code=1):
    return Report(
        command="monitor",
        version="0",
        generated=NOW,
        now=NOW,
        exit_code=exit_code,
        level=Level.OK,
        verdict=Verdict(Action.NONE, "healthy: 3 checks passed"),
        judgement=Judgement(Level.OK, 3, 0),
    )


def test_the_exit_code_is_the_reports(capsys):
    assert say(report(3), Output(format="json")) == 3


def test_quiet_is_one_line(capsys):
    say(report(), Output(quiet=True))

    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "healthy: 3 checks passed" in said


def test_quiet_changes_no_other_format(capsys):
    say(report(), Output(format="json"))
    loud = capsys.readouterr().out
    say(report(), Output(format="json", quiet=True))

    assert capsys.readouterr().out == loud


def test_one_run_writes_several_formats(tmp_path, capsys):
    output = Output(format="line", outputs=(f"json={tmp_path}/new/a.json", f"jsonl={tmp_path}/a.jsonl"))
    say(report(), output, targets(output))

    assert (tmp_path / "new/a.json").read_text(encoding="utf-8").startswith("{")
    assert (tmp_path / "a.jsonl").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jsonl", "new"]


def test_configured_outputs_are_relative_to_the_configuration(tmp_path):
    assert targets(Output(), ["json=r/a.json"], str(tmp_path)) == (("json", tmp_path / "r/a.json"),)


def test_a_path_may_hold_an_equals_sign(tmp_path):
    (target,) = targets(Output(outputs=(f"json={tmp_path}/a=b.json",)))

    assert target == ("json", tmp_path / "a=b.json")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail(out):
        out.write("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(UsageError, match="cannot write: No space left on device"):
        write(path, fail)

    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.json", "old")]


def test_a_closed_pipe_keeps_the_exit_code(monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())

    assert say(report(1), Output(format="json")) == 1


def test_columns_are_aligned_and_end_without_blanks():
    assert columns([("a", "bb", "c"), ("aaa", "b", "")]) == "a    bb  c\naaa  b"


@pytest.mark.parametrize(
    ("before", "color", "after"),
    [
        ({}, "auto", {}),
        ({}, "never", {"NO_COLOR": "1"}),
        ({}, "always", {"FORCE_COLOR": "1"}),
        ({"NO_COLOR": "1"}, "always", {"NO_COLOR": "1"}),
    ],
)
def test_no_color_wins_then_the_option(before, color, after, monkeypatch):
    environment = dict(before)
    monkeypatch.setattr("mlops_cli.cli.streams.os.environ", environment)
    colored(color)

    assert environment == after
