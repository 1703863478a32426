"""The command line as a process: what a shell, a pipeline and a pager meet."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from mlops_cli.logs.demo import write

MLOPS = (sys.executable, "-W", "error", "-m", "mlops_cli")
POSIX = pytest.mark.skipif(os.name != "posix", reason="closed pipes and signals are POSIX's")


def mlops(*arguments, cwd, env=None, **more):
    environment = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("MLOPS_", "PYTHONIO", "NO_COLOR", "FORCE_COLOR", "GITHUB_"))
    }
    environment |= env or {}
    return subprocess.run(
        [*MLOPS, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        check=False,
        capture_output=True,
        timeout=120,
        **more,
    )


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """A small service whose last two days have a fault."""
    folder = tmp_path_factory.mktemp("demo") / "logs"
    write(folder, days=8, rows=250)
    return folder


@pytest.fixture(scope="module")
def failing(logs):
    """A run whose gate fails."""
    return mlops("monitor", logs, "-f", "json", "--no-state", cwd=logs.parent)


def test_a_failed_gate_is_exit_code_1(failing):
    assert failing.returncode == 1, failing.stderr.decode()
    assert json.loads(failing.stdout)["exit_code"] == 1


def test_stdout_is_the_result_only_and_stderr_is_empty_without_a_terminal(failing):
    assert failing.stderr == b""
    assert json.loads(failing.stdout)["command"] == "monitor"


def test_the_json_keeps_to_the_schema_that_is_printed(failing, tmp_path):
    schema = json.loads(mlops("schema", cwd=tmp_path).stdout)

    Draft202012Validator(schema).validate(json.loads(failing.stdout))


@pytest.mark.parametrize("path", ["nowhere", "empty"])
def test_nothing_to_read_is_exit_code_4_in_three_lines(path, tmp_path):
    (tmp_path / "empty").mkdir()
    ran = mlops("monitor", path, cwd=tmp_path)

    said = ran.stderr.decode().splitlines()
    assert (ran.returncode, ran.stdout) == (4, b"")
    assert [line[:7] for line in said] == [said[0][:7], "  at: " + said[1][6], "  do: " + said[2][6]]
    assert said[0].startswith("mlops: ")


def test_a_misspelt_key_is_exit_code_2_with_its_line(tmp_path):
    (tmp_path / "mlops.toml").write_text("schema = 1\n[windows]\nsize = '1d'\nmin_row = 5\n")
    ran = mlops("config", "check", cwd=tmp_path)

    assert (ran.returncode, ran.stdout) == (2, b"")
    assert ran.stderr.decode().splitlines() == [
        "mlops: unknown key 'min_row'",
        "  at: mlops.toml, line 4, [windows]",
        "  do: write 'min_rows'?",
    ]


@POSIX
def test_a_closed_pipe_is_quiet_and_keeps_the_exit_code(logs):
    command = f"{sys.executable} -m mlops_cli monitor {logs} -f json --no-state; echo code $? >&2"
    ran = subprocess.run(
        ["bash", "-c", f"( {command} ) | head -c 1"],
        check=False,
        capture_output=True,
        timeout=120,
        cwd=logs.parent,
    )

    assert ran.stderr == b"code 1\n"


@POSIX
def test_a_closed_pipe_of_help_is_quiet(tmp_path):
    command = f"{sys.executable} -m mlops_cli monitor --help; echo code $? >&2"
    ran = subprocess.run(
        ["bash", "-c", f"( sleep 0.1; {command} ) | true"], check=False, capture_output=True, cwd=tmp_path
    )

    assert ran.stderr == b"code 0\n"


def test_standard_input_is_a_log(logs, tmp_path):
    lines = "".join(
        json.dumps({"timestamp": f"2026-01-01T{i // 60:02}:{i % 60:02}:00Z", "prediction": "ab"[i % 2]})
        + "\n"
        for i in range(1200)
    )
    ran = mlops("monitor", "-", "-f", "json", cwd=tmp_path, input=lines.encode())

    said = json.loads(ran.stdout)
    assert [(s["path"], s["rows"]) for s in said["sources"]] == [("-", 1200)]


@pytest.fixture(scope="module")
def kept(failing, tmp_path_factory):
    """Its result, from which `report` makes the other formats without counting anything."""
    path = tmp_path_factory.mktemp("kept") / "kept.json"
    path.write_bytes(failing.stdout)
    return path


@pytest.mark.parametrize("form", ["text", "full", "line", "markdown", "github"])
def test_a_stream_that_cannot_encode_gets_ascii(form, kept):
    ran = mlops("report", kept, "-f", form, cwd=kept.parent, env={"PYTHONIOENCODING": "ascii"})

    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout.decode("ascii")


def test_a_windows_code_page_is_no_crash(kept):
    ran = mlops("report", kept, cwd=kept.parent, env={"PYTHONIOENCODING": "cp1252"})

    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "carrier" in ran.stdout.decode("cp1252")


def test_redirected_output_is_utf_8_whatever_the_locale(logs, tmp_path):
    (tmp_path / "mlops.toml").write_text('[project]\nname = "Zürich"\n', encoding="utf-8")
    ran = mlops(
        "config", "show", cwd=tmp_path, env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    )

    assert 'project.name = "Zürich"' in ran.stdout.decode("utf-8")


@pytest.mark.parametrize(
    ("options", "env", "loud"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        (["--color", "always"], {"NO_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_without_a_terminal_there_is_no_colour_but_where_asked_for(options, env, loud, kept):
    ran = mlops("report", kept, *options, cwd=kept.parent, env=env)

    assert (b"\x1b[" in ran.stdout) == loud


def test_the_format_may_come_from_the_environment(kept, failing):
    ran = mlops("report", kept, cwd=kept.parent, env={"MLOPS_FORMAT": "json"})

    assert json.loads(ran.stdout) == json.loads(failing.stdout)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_no_pass(tmp_path):
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [*MLOPS, "schema"], check=False, stdout=full, stderr=subprocess.PIPE, cwd=tmp_path
        )

    assert (ran.returncode, ran.stderr.count(b"\n")) == (2, 3)  # what, where, what to do
    assert b"No space left on device" in ran.stderr


@POSIX
def test_an_interrupt_is_exit_code_130(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    run = subprocess.Popen(
        [*MLOPS, "monitor", "-"], cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(3)  # until it waits for its input
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)

    assert (run.returncode, said) == (130, b"mlops: interrupted\n")


def test_demo_writes_logs_and_judges_them(tmp_path):
    ran = mlops("demo", "new", "-f", "json", "--days", 8, "--rows", 250, cwd=tmp_path)

    assert ran.returncode == 1
    assert json.loads(ran.stdout)["verdict"]["action"] == "fix-pipeline"
    assert b"the feature carrier is null in a quarter of the predictions" in ran.stderr
    assert sorted(p.name for p in Path(tmp_path).iterdir()) == ["new"]


def test_demo_never_writes_into_a_folder_that_holds_something(tmp_path):
    (tmp_path / "mine.txt").write_text("")

    assert mlops("demo", ".", cwd=tmp_path).returncode == 2
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
