"""Command line in, exit code out."""

import pytest
import typer

from mlops_cli import __version__
from mlops_cli.cli import main
from mlops_cli.cli.main import run
from mlops_cli.cli.registry import COMMANDS, HELP, PANELS
from mlops_cli.errors import DataError, UsageError


def broken(error):
    def _run(argv):
        raise error

    return _run


def test_help_lists_every_command_with_its_line_in_the_panels(capsys):
    assert run(["--help"]) == 0

    said = capsys.readouterr().out
    for name in COMMANDS:
        assert f"\n  {name}  " in said
    filled = [f"{panel}:" for panel, commands in PANELS.items() if commands]
    assert [line for line in said.splitlines() if line in filled] == filled
    assert " ".join(HELP["monitor"].split()) in " ".join(said.split())


def test_a_panel_without_commands_is_not_shown(capsys):
    run(["--help"])

    said = capsys.readouterr().out
    assert [p for p, commands in PANELS.items() if not commands and f"{p}:" in said] == []


def test_no_arguments_say_what_help_says(capsys):
    assert run([]) == 0
    bare = capsys.readouterr().out
    run(["--help"])

    assert bare == capsys.readouterr().out


@pytest.mark.parametrize("argv", [["--version"], ["--version", "monitor"]])
def test_version_is_answered_whatever_follows(argv, capsys):
    assert run(argv) == 0

    assert capsys.readouterr().out == f"mlops {__version__}\n"


def test_a_group_shows_its_own_commands_only(capsys):
    assert run(["config", "--help"]) == 0

    said = capsys.readouterr().out
    assert "config check" in said
    assert "monitor" not in said


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["monitr"], "mlops: unknown command 'monitr'\n  at: mlops\n  do: write 'monitor'?\n"),
        (
            ["config", "chek"],
            "mlops: unknown command 'config chek'\n  at: mlops config\n  do: write 'config check'?\n",
        ),
        (
            ["config"],
            "mlops: which command?\n  at: mlops config\n  do: choose one of: config check, config show, config schema\n",
        ),
        (
            ["monitor", "--fail_on", "alarm"],
            "mlops: unknown option '--fail_on'\n  at: mlops monitor\n  do: write '--fail-on'?\n",
        ),
        (
            ["monitor", "--zzz"],
            "mlops: unknown option '--zzz'\n  at: mlops monitor\n  do: see mlops monitor --help\n",
        ),
        (
            ["explain"],
            "mlops: missing argument 'METRIC|FINDING'\n  at: mlops explain\n  do: see mlops explain --help\n",
        ),
        (["explain", "latency-p9"], "mlops: unknown metric 'latency-p9'\n  do: write 'latency-p99'?\n"),
        (
            ["monitor", "--column", "late", "x"],
            "mlops: 'late' is no ROLE=COLUMN\n  at: --column\n  do: write for example prediction=late\n",
        ),
        (
            ["monitor", "-f", "jsn", "x"],
            "mlops: unknown output format 'jsn'\n  at: --format\n  do: write 'json'?\n",
        ),
        (["monitor", "-o", "json", "x"], "mlops: 'json' names no file\n  at: -o\n  do: write json=PATH\n"),
        (
            ["monitor", "--fail-on", "alrm", "x"],
            "mlops: unknown word 'alrm'\n  at: --fail-on\n  do: write 'alarm'?\n",
        ),
        (
            ["monitor", "--statistics", "al", "x"],
            "mlops: unknown word 'al'\n  at: --statistics\n  do: write 'all'?\n",
        ),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_a_wrong_word_is_exit_code_2_with_the_nearest_right_one(argv, said, capsys):
    code = run(argv)

    caught = capsys.readouterr()
    assert (code, caught.out, caught.err) == (2, "", said)


def test_a_group_and_a_command_may_be_typed_with_underscores(capsys):
    assert run(["metrics", "list", "--format", "json"]) == 0


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("what", "where", "do"), 2, "mlops: what\n  at: where\n  do: do\n"),
        (DataError("what"), 4, "mlops: what\n"),
        (KeyboardInterrupt(), 130, "mlops: interrupted\n"),
        (typer.Abort(), 130, "mlops: interrupted\n"),
    ],
    ids=["usage", "data", "interrupt", "abort"],
)
def test_an_error_is_its_lines_on_stderr_and_its_exit_code(error, code, said, capsys, monkeypatch):
    monkeypatch.setattr(main, "_run", broken(error))

    assert run(["monitor"]) == code
    assert capsys.readouterr() == ("", said)


class Panic(BaseException):
    """As polars' own, which is no Exception."""


@pytest.mark.parametrize("error", [ZeroDivisionError("secret"), MemoryError(), Panic("secret")])
def test_a_crash_is_exit_code_5_and_one_line_without_the_users_data(error, capsys, monkeypatch):
    monkeypatch.setattr(main, "_run", broken(error))

    assert run(["monitor"]) == 5

    caught = capsys.readouterr()
    assert caught.out == ""
    assert caught.err.startswith(f"mlops: internal error: {type(error).__name__} in cli/main.py, line ")
    assert caught.err.count("\n") == 1
    assert "secret" not in caught.err


def test_debug_shows_the_traceback_of_a_crash(capsys, monkeypatch):
    monkeypatch.setattr(main, "_run", broken(ZeroDivisionError("why")))

    assert run(["monitor", "--debug"]) == 5
    assert "Traceback" in capsys.readouterr().err


def test_a_crash_of_the_system_says_why(capsys, monkeypatch):
    monkeypatch.setattr(main, "_run", broken(OSError(28, "No space left on device")))

    assert run(["monitor"]) == 5
    assert "OSError (No space left on device)" in capsys.readouterr().err
