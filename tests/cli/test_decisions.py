"""Decisions, known findings, history, rows and verify, from logs to exit codes."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mlops_cli import api
from mlops_cli.cli.main import run
from mlops_cli.result.finding import Level, Rule, Status

START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 400


def predictions(days, seed=1, *, shift_from=None, missing_from=None, amount=1.0):
    """Predictions of some days; the volume grows by 60 %, or `amount` goes missing, from a day on."""
    rng = np.random.default_rng(seed)
    out = []
    for day in range(days):
        n = int(rng.poisson(ROWS * (1.6 if shift_from is not None and day >= shift_from else 1)))
        lost = 0.2 if missing_from is not None and day >= missing_from else 0.01
        x = rng.normal(50, 10, n) * amount
        seconds = np.sort(rng.uniform(0, 86_399, n))
        out.append(
            pl.DataFrame(
                {
                    "request_id": [f"{day}-{i}" for i in range(n)],
                    "timestamp": [START + timedelta(days=day, seconds=float(s)) for s in seconds],
                    "amount": [None if r < lost else v for r, v in zip(rng.random(n), x, strict=True)],
                    "prediction": rng.random(n) < 0.3,
                }
            )
        )
    return pl.concat(out)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "logs").mkdir()
    (tmp_path / "mlops.toml").write_text('[windows]\nsize = "1d"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(folder, frame):
    frame.write_parquet(folder / "logs" / "predictions.parquet")


def only(report, code):
    return next((f for f in report.judgement.findings if f.code == code), None)


def test_a_steady_shift_is_a_warning_until_it_is_accepted(folder):
    put(folder, predictions(100, shift_from=80))
    before = only(
        api.monitor("logs", config=['metrics.input.volume = { alarm = { adapt = "auto" } }']), "volume"
    )
    assert run(["accept", "volume", "--since", "2026-03-22", "--reason", "a new client"]) == 0
    after = only(
        api.monitor("logs", config=['metrics.input.volume = { alarm = { adapt = "auto" } }']), "volume"
    )

    assert (before.status, before.level, before.rule) == (Status.SHIFTED, Level.WARNING, Rule.JUMP)
    assert before.since == START + timedelta(days=80)
    assert "not accepted" in before.message
    assert after.status is Status.RECOVERED


def test_a_young_line_that_nobody_asked_for_only_warns(folder):
    put(folder, predictions(45, shift_from=42))
    shown = only(api.monitor("logs"), "volume")
    asked = only(
        api.monitor("logs", config=['metrics.input.volume = { alarm = { adapt = "auto" } }']), "volume"
    )

    assert (shown.level, shown.status) == (Level.WARNING, Status.OPEN)
    assert (asked.level, asked.status) == (Level.ALARM, Status.OPEN)


def test_a_metric_with_a_line_of_its_own_adapts_only_if_told(folder):
    put(folder, predictions(45, shift_from=42))
    report = api.monitor("logs", config=['metrics.input.volume = { alarm = "-90%" }'])

    assert only(report, "volume") is None


def test_adaptive_lines_can_be_turned_off(folder):
    put(folder, predictions(45, shift_from=42))

    assert only(api.monitor("logs", config=['alarms.adapt = "off"']), "volume") is None


def test_what_is_asked_for_without_history_is_unknown(folder):
    put(folder, predictions(12))
    report = api.monitor("logs", config=['metrics.input.volume = { alarm = { adapt = "auto" } }'])
    table = report.table("unknown")
    code, why = table.columns.index("code"), table.columns.index("why")

    assert any(r[code] == "volume" and "too little history" in r[why] for r in table.rows)


def test_an_acknowledged_finding_blocks_no_more_until_it_expires(folder):
    put(folder, predictions(12, missing_from=10))
    assert api.monitor("logs").exit_code == 1
    assert run(["ack", "missing-rate", "--real", "--until", "2026-01-20"]) == 0
    held = api.monitor("logs", now="2026-01-13T00:00:00Z")
    expired = api.monitor("logs", now="2026-01-22T00:00:00Z")

    assert held.exit_code == 0
    assert "does not block" in held.verdict.reason
    assert held.table("known").rows[0][0] == "missing-rate/////amount"
    assert expired.exit_code == 1
    assert any("expired" in note for note in expired.notes)


def test_a_silence_judges_nothing_in_its_windows(folder):
    put(folder, predictions(12, missing_from=10))
    run(["silence", "missing-rate", "--from", "2026-01-11", "--until", "2026-01-12", "--reason", "migration"])

    assert only(api.monitor("logs"), "missing-rate") is None


def test_known_findings_need_a_reason_and_an_end(folder, capsys):
    put(folder, predictions(12, missing_from=10))
    (folder / "known.toml").write_text(
        '[[known]]\nid = "missing-rate"\nreason = "client"\nuntil = 2026-02-01\n'
    )
    known = run(["monitor", "logs", "-q", "--known", "known.toml"])
    (folder / "known.toml").write_text('[[known]]\nid = "missing-rate"\nuntil = 2026-02-01\n')
    lacking = run(["monitor", "logs", "-q", "--known", "known.toml"])

    assert (known, lacking) == (0, 2)
    assert "lacks reason" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("pattern", "code"), [("input.*", 0), ("missing-rate", 0), ("missing_rate", 0), ("output.*", 1)]
)
def test_findings_of_soft_metrics_do_not_block(folder, pattern, code):
    put(folder, predictions(12, missing_from=10))

    assert run(["monitor", "logs", "-q", "--soft-fail-on", pattern]) == code


def test_history_has_an_incident_once_over_many_runs_and_changes_no_verdict(folder, capsys):
    put(folder, predictions(12, missing_from=10))
    codes = [
        run(["monitor", "logs", "-q"]),
        run(["monitor", "logs", "-q"]),
        run(["monitor", "logs", "-q", "--no-state"]),
    ]
    capsys.readouterr()
    run(["history", "-f", "json"])
    incidents = json.loads(capsys.readouterr().out)
    run(["history", "--runs", "-f", "json"])
    runs = json.loads(capsys.readouterr().out)

    assert codes == [1, 1, 1]
    assert [(i["id"], i["runs"], i["status"]) for i in incidents] == [("missing-rate/////amount", 2, "open")]
    assert len(runs) == 2


def test_without_a_state_folder_the_report_is_the_same(folder):
    put(folder, predictions(45, shift_from=42))
    first, again, none = (
        api.monitor("logs", now="2026-02-15T00:00:00Z", no_state=n).to_dict() for n in (False, False, True)
    )

    assert first == again == none


def test_rows_are_those_behind_the_finding(folder, capsys):
    frame = predictions(12, missing_from=10)
    put(folder, frame)
    assert run(["rows", "missing-rate", "logs", "-n", "5", "-f", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)["rows"]
    lost = set(
        frame.filter(pl.col("amount").is_null() & (pl.col("timestamp") >= START + timedelta(days=10)))[
            "request_id"
        ]
    )

    assert len(shown) == 5
    assert {r["request_id"] for r in shown} <= lost


def test_a_report_is_verified_and_its_first_difference_named(folder, capsys):
    put(folder, predictions(12, missing_from=10))
    run(["monitor", "logs", "-f", "json"])
    text = capsys.readouterr().out
    (folder / "r.json").write_text(text)
    same = run(["verify", "r.json", "logs"])
    saved = json.loads(text)
    saved["judgement"]["findings"][0]["value"] = 0.5
    (folder / "r.json").write_text(json.dumps(saved))
    capsys.readouterr()
    other = run(["verify", "r.json", "logs"])

    assert (same, other) == (0, 1)
    assert "judgement.findings[missing-rate/////amount].value was 0.5" in capsys.readouterr().out


def test_what_else_changed_at_the_onset_is_named(folder):
    put(folder, predictions(12, missing_from=10))
    (folder / "events.jsonl").write_text(
        '{"time": "2026-01-10T20:00:00Z", "text": "released v2"}\n{"time": "2026-01-02", "text": "old"}\n'
    )
    changes = api.monitor("logs", config=['events.path = "events.jsonl"']).table("changes")

    assert changes.rows == (("missing-rate/////amount", "event: released v2", "2026-01-10T20:00:00Z"),)


def test_other_settings_than_in_the_run_before_are_a_change_that_verify_does_not_compare(folder, capsys):
    put(folder, predictions(12, missing_from=10))
    run(["monitor", "logs", "--now", "2026-01-10", "-f", "json"])
    run(["monitor", "logs", "--now", "2026-01-11", "--config", "windows.min_rows=20"])
    capsys.readouterr()
    run(["monitor", "logs", "--now", "2026-01-12", "--config", "windows.min_rows=20", "-f", "json"])
    text = capsys.readouterr().out
    (folder / "r.json").write_text(text)
    same = run(["verify", "r.json", "logs", "--config", "windows.min_rows=20", "--no-state"])
    changes = next(t for t in json.loads(text)["tables"] if t["name"] == "changes")["rows"]

    assert [[r[0], r[2]] for r in changes] == [["missing-rate/////amount", "2026-01-12T00:00:00Z"]]
    assert changes[0][1].startswith("configuration: other than in the run of 2026-01-11")
    assert same == 0
