"""`monitor` from the command line to the exit code, in one process."""

import json
import os

import pytest

from mlops_cli.api import monitor
from mlops_cli.cli.main import run
from mlops_cli.logs.demo import write


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Eight days, in the last two of which a feature is often null."""
    folder = tmp_path_factory.mktemp("demo") / "logs"
    write(folder, days=8, rows=250)
    return folder


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working directory without a configuration above it."""
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith(("MLOPS_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    return tmp_path


def said(capsys, *argv):
    code = run([str(a) for a in argv])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


def test_the_gate_fails_at_the_end_and_passes_earlier(logs, capsys):
    assert said(capsys, "monitor", logs, "-q")[0] == 1
    assert said(capsys, "monitor", logs, "-q", "--until", "2026-10-06")[0] == 0


def test_fail_on_never_passes_and_shows_the_alarm_all_the_same(logs, capsys):
    code, out, _ = said(capsys, "monitor", logs, "--fail-on", "never", "-f", "json")

    assert (code, json.loads(out)["exit_code"], json.loads(out)["level"]) == (0, 0, "alarm")


def test_the_same_logs_give_the_same_bytes_with_and_without_a_cache(logs, capsys):
    now = "2026-10-08T23:59:00Z"
    runs = [
        said(capsys, "monitor", logs, "-f", "json", "--now", now, *state)[1]
        for state in (["--no-state"], [], [])
    ]

    assert len(set(runs)) == 1


def test_outputs_of_the_configuration_are_written_beside_it(logs, folder, capsys, monkeypatch):
    (folder / "mlops.toml").write_text('[report]\noutputs = ["json=out/a.json"]\n')
    (folder / "deep").mkdir()
    monkeypatch.chdir(folder / "deep")

    assert said(capsys, "monitor", logs, "-q", "-o", "junit=b.xml")[0] == 1
    assert json.loads((folder / "out/a.json").read_text(encoding="utf-8"))["exit_code"] == 1
    assert (folder / "deep/b.xml").exists()
    assert (folder / ".mlops/.gitignore").exists()


def thin(folder):
    rows = [
        json.dumps({"timestamp": f"2026-01-01T00:00:{i:02}Z", "prediction": "a", "x": i}) for i in range(30)
    ]
    (folder / "a.jsonl").write_text("\n".join(rows))
    return "a.jsonl"


@pytest.mark.parametrize(
    ("how", "code"), [([], 3), (["--undecided", "pass"], 0), (["--undecided", "fail"], 1)]
)
def test_nothing_to_check_is_no_answer(how, code, folder, capsys):
    assert said(capsys, "monitor", thin(folder), "-q", *how)[0] == code


def test_a_saved_baseline_is_compared_with_by_name(logs, capsys):
    code, out, err = said(
        capsys, "baseline", "save", "good", logs, "--since", "2026-10-01", "--until", "2026-10-04"
    )
    assert (code, err) == (0, "")
    assert out == (
        "mlops.baselines/good.profile: 4 windows of 1d\ncompare with it: mlops monitor LOGS --baseline good\n"
    )

    code, out, _ = said(capsys, "monitor", logs, "--baseline", "good", "-f", "json")
    report = json.loads(out)
    judged = report["details"]["monitor"]
    codes = {f["code"] for f in report["judgement"]["findings"] if f["status"] == "open"}
    assert (code, judged["baseline"], judged["judged"], "missing-rate" in codes) == (1, "good", 8, True)


def test_a_saved_baseline_is_replaced_only_where_asked_for(logs, capsys):
    assert said(capsys, "baseline", "save", "good", logs)[0] == 0
    assert said(capsys, "baseline", "save", "good", logs)[0] == 2
    assert said(capsys, "baseline", "save", "good", logs, "--force")[0] == 0


@pytest.mark.parametrize(
    ("option", "value", "what"),
    [
        ("--window", "5x", "'5x' is no duration"),
        ("--since", "yesterday", "'yesterday' is no time"),
        ("--baseline", "nowhere", "there is no such file or folder"),
        ("--overlay", "ci", "unknown overlay 'ci'"),
        ("--config", "windows.sise='1h'", "unknown key 'sise'"),
        ("--stdin-format", "jsn", "unknown log format 'jsn'"),
    ],
)
def test_a_wrong_value_is_said_in_three_lines(option, value, what, logs, capsys):
    code, out, err = said(capsys, "monitor", logs, option, value, "--no-state")

    assert code in {2, 4}
    assert (out, err.splitlines()[0]) == ("", f"mlops: {what}")
    assert [line[:6] for line in err.splitlines()][-1] == "  do: "


def test_python_gives_the_report_of_the_command_line(logs, capsys):
    report = monitor(logs, no_state=True)
    same = json.loads(said(capsys, "monitor", logs, "--no-state", "-f", "json")[1])

    assert report.exit_code == same["exit_code"] == 1
    assert report.to_dict() | {"generated": ""} == same | {"generated": ""}
