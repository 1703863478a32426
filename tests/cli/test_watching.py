"""`serve` and `dashboard` at the door: who may listen where, and what of the logs is watched."""

import json
import os

import pytest

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.main import run
from mlops_cli.cli.watching import checked, state
from mlops_cli.errors import UsageError


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    monkeypatch.delenv("MLOPS_TOKEN", raising=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])
def test_nothing_but_this_machine_is_served_unless_it_is_said(host):
    with pytest.raises(UsageError, match="more than this machine"):
        checked(host, remote=False, port=0)


@pytest.mark.parametrize("token", ["", "short"])
@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_who_lets_others_in_needs_a_token(host, token, monkeypatch):
    monkeypatch.setenv("MLOPS_TOKEN", token)

    with pytest.raises(UsageError, match="no token of at least 16 letters"):
        checked(host, remote=True, port=0)


def test_with_a_token_any_name_will_do(monkeypatch):
    monkeypatch.setenv("MLOPS_TOKEN", "t" * 16)

    assert checked("0.0.0.0", remote=True, port=0) == ()
    assert "127.0.0.1" in checked("127.0.0.1", remote=False, port=0)


@pytest.mark.parametrize("command", ["serve", "dashboard"])
@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--host", "0.0.0.0"], "more than this machine"),
        (["--port", "70000"], "70000 is no port"),
        (["--every", "0"], "every"),
    ],
)
def test_a_wrong_option_is_said_before_anything_is_read(command, options, what, capsys):
    assert run([command, "nowhere/", *options]) == 2
    assert what in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "dashboard"])
def test_standard_input_does_not_grow(command, capsys):
    assert run([command, "-"]) == 2
    assert "standard input is read once" in capsys.readouterr().err


@pytest.fixture
def logs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.jsonl").write_text(
        json.dumps({"timestamp": "2026-10-01T00:00:00Z", "prediction": 1})
    )
    return tmp_path


def test_the_state_of_logs_changes_when_they_grow_when_one_comes_and_when_a_setting_changes(logs):
    now = state(Ask(paths=("logs",)))
    seen = [now(), now()]
    with (logs / "logs" / "a.jsonl").open("a") as out:
        out.write("\n{}\n")
    seen.append(now())
    (logs / "logs" / "b.jsonl").write_text("{}")
    seen.append(now())
    (logs / "mlops.toml").write_text("schema = 1\n")
    seen.append(now())
    (logs / "mlops.decisions.toml").write_text("")
    seen.append(now())
    os.utime(logs / "logs" / "a.jsonl", (1, 1))
    seen.append(now())

    assert seen[0] == seen[1]
    assert len(set(seen)) == 6


def test_a_dashboard_that_is_piped_prints_one_board_and_ends_with_its_verdict(logs, capsys):
    rows = [
        {"timestamp": f"2026-10-{d:02d}T{h:02d}:00:{s:02d}Z", "prediction": s % 2, "features": {"x": s}}
        for d in range(1, 8)
        for h in range(24)
        for s in range(10)
    ]
    (logs / "logs" / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))

    assert run(["dashboard", "logs", "--no-state"]) in {0, 1, 3}
    said = capsys.readouterr().out
    assert "volume" in said
    assert "missing input" in said
    assert "q quits" not in said
