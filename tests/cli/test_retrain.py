"""`mlops pace` and `mlops retrain`, from logs to the started command."""

import json
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mlops_cli.api import pace, retrain
from mlops_cli.cli.main import run

START = datetime(2026, 3, 1, tzinfo=UTC)
PRICES = ("retrain.cost_per_error = 1.0", "retrain.cost_of_retrain = 100.0", "retrain.horizon = '8w'")


def logs(folder, *, days=28, each=300, drop=0.0, since=20, seed=0, missing=(), jump=None):
    """A model that is right in 90 of 100, `drop` less from a day on; `x` may jump, or be missing on days."""
    random, predictions, labels = np.random.default_rng(seed), [], []
    for day in range(days):
        right = 0.9 - (drop if day >= since else 0.0)
        for i in range(each):
            at, y = START + timedelta(days=day, minutes=4 * i), bool(random.random() < 0.4)
            said = y if random.random() < right else not y
            x = float(random.normal(1.0 if jump is not None and day >= jump else 0.0))
            predictions.append(
                {
                    "request_id": f"{day}-{i}",
                    "timestamp": at,
                    "prediction": said,
                    "x": None if day in missing and random.random() < 0.5 else x,
                }
            )
            labels.append({"request_id": f"{day}-{i}", "label": y, "label_time": at + timedelta(hours=2)})
    (folder / "logs").mkdir()
    pl.DataFrame(predictions).write_parquet(folder / "logs" / "predictions.parquet")
    pl.DataFrame(labels).write_parquet(folder / "logs" / "labels.parquet")
    return folder


def asked(folder, *config, **how):
    report = retrain(folder / "logs", no_state=True, window="1d", config=config, **how)
    return report, report.details["retrain"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(folder, **more):
    lines = ["schema = 1", "[retrain]", *(f"{k} = {json.dumps(v)}" for k, v in more.items())]
    (folder / "mlops.toml").write_text("\n".join(lines) + "\n")


def test_a_model_that_holds_is_not_retrained(here):
    report, found = asked(logs(here), *PRICES)

    assert (report.exit_code, found["action"]) == (0, "none")
    assert "does not pay" in report.verdict.reason


def test_a_loss_that_pays_is_retrained_by_hand_until_automatic_is_allowed(here):
    logs(here, drop=0.12)
    settings(here)

    report, found = asked(here, *PRICES)
    automatic, trigger = asked(here, *PRICES, 'retrain.mode = "automatic"')

    assert (report.exit_code, found["action"], found["automatic"]) == (1, "by-hand", False)
    assert report.verdict.action.value == automatic.verdict.action.value == "retrain"
    assert (automatic.exit_code, trigger["action"]) == (1, "automatic")
    assert automatic.verdict.automatic
    assert trigger["drop"] == pytest.approx(0.12, abs=0.04)
    assert 0 < trigger["low"] < trigger["drop"]
    assert trigger["cost_of_waiting_per_week"] == pytest.approx(trigger["drop"] * 300 * 7)


def test_broken_data_is_repaired_first(here):
    report, found = asked(logs(here, drop=0.12, missing=range(24, 28)), *PRICES)

    assert (report.exit_code, found["action"]) == (1, "fix-pipeline")
    assert "missing-rate of x" in report.verdict.reason


def test_older_broken_days_are_left_out_of_the_training(here):
    _, found = asked(logs(here, drop=0.12, missing=(12, 13)), *PRICES)

    assert found["action"] == "by-hand"
    assert found["exclude"] == ("2026-03-13T00:00:00Z", "2026-03-14T00:00:00Z")


def test_few_labels_wait(here):
    report, found = asked(logs(here, drop=0.12), *PRICES, "retrain.min_labels = 100000")

    assert (report.exit_code, found["action"]) == (3, "wait")


def test_nothing_known_is_undecided(here):
    logs(here)
    (here / "logs" / "labels.parquet").unlink()

    report, _ = asked(here)

    assert report.exit_code == 3
    assert "no performance is known" in report.verdict.reason


def test_switched_off_says_so(here):
    report, found = asked(logs(here, drop=0.12), 'retrain.mode = "off"')

    assert (report.exit_code, found["action"]) == (0, "none")
    assert "switched off" in found["reason"]


def test_a_cool_down_and_failures_are_read_from_the_decisions(here):
    logs(here, drop=0.12)
    settings(here)
    ledger = here / "mlops.decisions.toml"

    ledger.write_text("[[retrain]]\nat = 2026-03-25T00:00:00Z\ndrop = 0.1\ngain = 0.09\nhelped = true\n")
    waiting, cool = asked(here, *PRICES)
    bad = "[[retrain]]\nat = 2026-0{}-01T00:00:00Z\ndrop = 0.1\ngain = 0.0\nhelped = false\n"
    ledger.write_text(bad.format(1) + bad.format(2))
    _, failed = asked(here, *PRICES, 'retrain.mode = "automatic"')
    ledger.write_text("[[retrain]]\nat = 2026-02-01T00:00:00Z\ncanary = 'open'\n")
    _, pending = asked(here, *PRICES)

    assert (waiting.exit_code, cool["action"]) == (3, "wait")
    assert cool["cooldown_until"] == "2026-04-08T00:00:00Z"
    assert failed["action"] == "by-hand"
    assert "did not help" in failed["reason"]
    assert pending["action"] == "wait"


def test_run_starts_the_command_once_with_the_trigger_on_its_input(here, capsys):
    logs(here, drop=0.12)
    program = [sys.executable, "-c", "import sys; open('got.json', 'w').write(sys.stdin.read())"]
    settings(here, mode="automatic", cost_per_error=1.0, cost_of_retrain=100.0, command=program)
    ask = ["retrain", "logs", "--window", "1d", "--no-state", "-q"]

    dry = run([*ask, "--dry-run"])
    said = capsys.readouterr().err
    assert (dry, (here / "got.json").exists()) == (1, False)
    assert "would start" in said

    assert run([*ask, "--run", "--emit", "trigger=trigger.json"]) == 1
    got = json.loads((here / "got.json").read_text())
    assert got == json.loads((here / "trigger.json").read_text())
    assert got["canary"] == {"required": True, "compare": ["old", "new"]}

    (here / "got.json").unlink()
    assert run([*ask, "--run"]) == 3  # its canary is open
    assert not (here / "got.json").exists()


def test_run_without_a_command_is_an_error_of_use(here, capsys):
    logs(here)

    assert run(["retrain", "logs", "--run", "--no-state"]) == 2
    assert "[retrain] command" in capsys.readouterr().err


def test_another_kind_to_emit_is_an_error_of_use(here, capsys):
    logs(here, days=4)

    assert run(["retrain", "logs", "--emit", "argo", "--no-state"]) == 2
    assert "unknown kind to emit 'argo'" in capsys.readouterr().err


def test_a_jump_of_an_input_is_a_shock_and_has_no_cadence(here):
    report = pace(logs(here, jump=14) / "logs", no_state=True, window="1d")
    found = report.details["pace"]
    first = found["movers"][0]

    assert (first["field"], first["kind"], first["since"]) == ("x", "shock", "2026-03-15T00:00:00Z")
    assert found["retrain_weeks"] is None
    assert report.table("pace").rows[0][:3] == ("input", "x", "shock")


def test_too_few_windows_have_no_pace(here):
    report = pace(logs(here, days=4) / "logs", no_state=True, window="1d")

    assert report.exit_code == 3
    assert "8 needed" in report.verdict.reason


def test_a_field_that_is_faster_than_expected_is_named(here):
    report = pace(logs(here, jump=14) / "logs", no_state=True, window="1d", config=('pace.expect = "slow"',))

    assert report.details["pace"]["unexpected"] == ("x",)
    assert "faster than expected: x" in report.verdict.reason
