"""Logs of several models are judged model by model."""

import json
import os
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlops_cli.cli.main import run

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 8


def rows(model, seed, broken):
    """Eight days of 300 predictions; where broken, an input that is null in the last two."""
    rng = np.random.default_rng(seed)
    for i in range(DAYS * 300):
        null = broken and i >= (DAYS - 2) * 300 and rng.random() < 0.3
        at = START + timedelta(days=1) * (i + 0.5) / 300
        record = {
            "timestamp": at.isoformat(),
            "amount": None if null else rng.normal(),
            "prediction": "ab"[i % 2],
        }
        yield {"request_id": f"{model}{i}", **({"model": model} if model else {}), **record}


def put(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")


@pytest.fixture(scope="module")
def column(tmp_path_factory):
    """One file, the model in a column."""
    folder = tmp_path_factory.mktemp("column")
    put(folder / "logs/a.jsonl", [*rows("price", 1, broken=True), *rows("risk", 2, broken=False)])
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder a model, each with its own configuration; nothing can alarm in that of `risk`."""
    folder = tmp_path_factory.mktemp("folders")
    for model, lines in (
        ("price", ""),
        ("risk", "[metrics.input]\nmissing-rate = { warn = 0.9, alarm = 0.95 }\n"),
    ):
        put(folder / f"logs/{model}/predictions.jsonl", rows("", 1, broken=True))
        (folder / f"logs/{model}/mlops.toml").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in [n for n in os.environ if n.startswith(("MLOPS_", "GITHUB_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(params=["column", "folders"])
def logs(request, monkeypatch):
    monkeypatch.chdir(request.getfixturevalue(request.param))
    return "logs"


def judged(capsys, *argv):
    code = run(["monitor", *argv, "--no-state", "-f", "json"])
    return code, json.loads(capsys.readouterr().out)


def models(said):
    return [row[:2] for t in said["tables"] if t["name"] == "models" for row in t["rows"]]


def test_the_worst_comes_first_and_gives_the_exit_code(logs, capsys):
    code, said = judged(capsys, logs)

    assert code == 1
    assert models(said) == [["price", "alarm"], ["risk", "ok"]]
    assert {f["scope"]["model"] for f in said["judgement"]["findings"] if f["level"] == "alarm"} == {"price"}


@pytest.mark.parametrize(("model", "code"), [("price", 1), ("risk", 0)])
def test_one_model_may_be_asked_for(model, code, logs, capsys):
    got, said = judged(capsys, logs, "--model", model)

    assert (got, [name for name, _ in models(said)]) == (code, [model])


def test_a_model_that_is_not_there_is_an_error_that_names_the_nearest(logs, capsys):
    assert run(["monitor", logs, "--model", "rsk", "--no-state"]) == 2
    assert capsys.readouterr().err == "mlops: unknown model 'rsk'\n  at: --model\n  do: write 'risk'?\n"
