"""`mlops init` and `mlops sources detect`."""

import json
import os
import shutil

import pytest

from mlops_cli.cli.main import run
from mlops_cli.config.load import load, load_file
from mlops_cli.config.settings import Settings
from mlops_cli.logs.demo import write
from mlops_cli.logs.discover import discover


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "logs"
    write(folder)
    rows = [
        json.dumps({"when": f"2026-10-01T00:00:{i:02}Z", "carrier": "UA", "late": i % 2}) for i in range(60)
    ]
    (folder / "odd name.jsonl").write_text("\n".join(rows))
    return folder


@pytest.fixture
def logs(demo, tmp_path, monkeypatch):
    """A copy of the demo's logs in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("MLOPS_")]:
        monkeypatch.delenv(name)
    shutil.copytree(demo, "logs")
    return tmp_path


def read_as(files):
    return sorted((os.path.realpath(f.path), f.kind, f.format, sorted(f.columns.items())) for f in files)


@pytest.mark.parametrize("how", [["--minimal"], []])
def test_init_writes_what_reads_the_logs_as_they_were_found(how, logs):
    assert run(["init", "logs", "--column", "prediction=late", *how]) == 0

    before = discover(["logs"], Settings(), columns={"prediction": "late"})
    after = discover([], load_file("mlops.toml"))
    assert read_as(after.files) == read_as(before.files)


def test_the_minimal_file_is_short_and_the_other_one_has_every_setting(logs):
    run(["init", "logs", "--minimal"])
    short = (logs / "mlops.toml").read_text(encoding="utf-8")
    run(["init", "logs", "--force"])
    full = (logs / "mlops.toml").read_text(encoding="utf-8")

    assert full.startswith(short)
    assert [line for line in full[len(short) :].splitlines() if line and not line.startswith("#")] == []
    assert "# min_rows = 200  # " in full


def test_the_settings_that_are_commented_out_are_the_defaults(logs):
    run(["init", "logs"])
    lines = (logs / "mlops.toml").read_text(encoding="utf-8").splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("# Every other"))
    rest = [line.removeprefix("# ") for line in lines[at + 1 :] if "=" in line or line.startswith("# [")]
    (logs / "all.toml").write_text("\n".join(rest), encoding="utf-8")

    given = load(["all.toml"]).settings
    assert given.model_copy(update={"metrics": {}}) == Settings()
    assert [given.line(g, c) for g, codes in given.metrics.items() for c in codes] == [
        Settings().line(g, c) for g, codes in given.metrics.items() for c in codes
    ]


def test_init_never_overwrites_unasked(logs, capsys):
    (logs / "mlops.toml").write_text("mine")

    assert run(["init", "logs"]) == 2
    assert (logs / "mlops.toml").read_text() == "mine"
    assert "pass --force" in capsys.readouterr().err


def test_init_without_logs_writes_nothing(logs):
    assert run(["init", "nowhere"]) == 4
    assert not (logs / "mlops.toml").exists()


def test_detect_says_what_each_file_is_taken_for(logs, capsys):
    assert run(["sources", "detect", "logs"]) == 0

    said = capsys.readouterr().out
    assert (
        "logs/predictions/2026-10-01.parquet to 2026-10-14.parquet (14 files): predictions in parquet" in said
    )
    assert "logs/gauges.csv: gauges in csv\n  columns      timestamp, host, metric, value\n" in said


def test_detect_as_json_has_every_file(logs, capsys):
    run(["sources", "detect", "logs", "-f", "json"])
    said = json.loads(capsys.readouterr().out)

    files = discover(["logs"], Settings()).files
    assert [(f["shown"], f["kind"]) for f in said["files"]] == [(f.shown, f.kind) for f in files]


def test_detect_names_what_no_format_claims(logs, capsys):
    (logs / "logs/notes.md").write_text("# no log\n")
    run(["sources", "detect", "logs"])

    assert "logs/notes.md: no format claims it" in capsys.readouterr().out


def test_detect_says_why_a_file_is_not_read_once(logs, capsys):
    (logs / "logs/a.csv").write_text("timestamp,prediction,prediction\n2026-01-01T00:00:00Z,1,2\n")
    run(["sources", "detect", "logs"])
    said = capsys.readouterr().out

    assert (
        "logs/a.csv: not read: the header has the column 'prediction' twice: which of them is meant cannot be "
        "told; give each column a name of its own" in said
    )
    assert said.count("logs/a.csv") == 1


def test_detect_says_a_note_of_a_file_beside_it_and_not_again(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "server.log").write_text('INFO:     1.2.3.4:5 - "POST /predict HTTP/1.1" 200 OK\n' * 3)
    run(["sources", "detect", "server.log"])
    said = capsys.readouterr().out

    assert "  why          timestamp: uvicorn's own line has no time\n" in said
    assert said.count("server.log") == said.count("has no time") == 1


MAPPED = """
[sources.mine]
path = "logs/odd name.jsonl"
format = "jsonl"
kind = "feedback"
columns = { label = "late", label_time = "when", request_id = "carrier" }
"""


def test_detect_reads_what_the_configuration_says_of_its_sources(logs, capsys):
    (logs / "mlops.toml").write_text(MAPPED)
    run(["sources", "detect", "logs/odd name.jsonl"])
    named = capsys.readouterr().out
    run(["sources", "detect"])
    alone = capsys.readouterr().out
    run(["sources", "detect", "logs/odd name.jsonl", "--isolated"])

    assert named.startswith("logs/odd name.jsonl: feedback in jsonl\n  columns      ")
    assert "label = late" in named
    assert alone == named
    assert "label = late" not in capsys.readouterr().out


def test_init_keeps_what_the_file_that_it_replaces_says_of_its_sources(logs):
    (logs / "mlops.toml").write_text(MAPPED)
    before = read_as(discover([], load_file("mlops.toml")).files)
    assert run(["init", "logs", "--force", "--minimal"]) == 0

    after = read_as(discover([], load_file("mlops.toml")).files)
    assert [f for f in after if "odd name" in f[0]] == before


def test_init_replaces_a_broken_file(logs):
    (logs / "mlops.toml").write_text("[[[")

    assert run(["init", "logs", "--force"]) == 0
