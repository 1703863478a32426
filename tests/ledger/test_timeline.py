"""The timeline: verdicts and settings as they change, and what was decided, the latest first."""

import json
from datetime import UTC, datetime

import pytest

from mlops_cli.ledger.decisions import Decisions
from mlops_cli.ledger.timeline import timeline

NONE = Decisions()


def kept(folder, hour, code=0, action="none", settings="sha256:a", command="monitor", reason="why"):
    data = {
        "generated": f"2026-10-01T{hour:02d}:00:00Z",
        "command": command,
        "exit_code": code,
        "verdict": {"action": action, "reason": reason},
        "digests": {"settings": settings},
        "judgement": {"findings": []},
    }
    (folder / "history").mkdir(exist_ok=True)
    (folder / "history" / f"{hour:02d}-{command}.json").write_text(json.dumps(data))


def said(folder, decisions=NONE):
    return [(e.at[11:13], e.kind, e.level) for e in timeline(folder, decisions)]


def test_a_verdict_stands_where_it_changes_and_nowhere_else(tmp_path):
    for hour, code in enumerate([0, 0, 1, 1, 0, 3, 3]):
        kept(tmp_path, hour, code)

    assert said(tmp_path) == [
        ("05", "verdict", "unknown"),
        ("04", "verdict", "ok"),
        ("02", "verdict", "alarm"),
        ("00", "verdict", "ok"),
    ]


def test_each_command_has_verdicts_of_its_own(tmp_path):
    kept(tmp_path, 1)
    kept(tmp_path, 2, 1, "rollback", command="canary")
    kept(tmp_path, 3)

    assert [e.what for e in timeline(tmp_path, NONE)] == ["canary: fail, rollback: why", "monitor: pass: why"]


def test_other_settings_are_an_event(tmp_path):
    kept(tmp_path, 1)
    kept(tmp_path, 2, settings="sha256:b")
    kept(tmp_path, 3, settings="sha256:b")

    assert said(tmp_path) == [("02", "settings", ""), ("01", "verdict", "ok")]


def test_decisions_stand_between_the_runs(tmp_path):
    kept(tmp_path, 1)
    kept(tmp_path, 9, 1)
    at = datetime(2026, 10, 1, 5, tzinfo=UTC)
    decisions = Decisions(
        {
            "ramp": ({"share": 0.05, "since": at, "treatment": "v2", "action": "ramp", "reason": "safe"},),
            "retrain": ({"at": at.replace(hour=6), "who": "ann"},),
            "accept": ({"id": "drift/a", "at": at.replace(hour=7), "who": "ann", "why": "new market"},),
            "look": ({"digest": "x", "at": at},),
        }
    )

    assert [e.kind for e in timeline(tmp_path, decisions)] == [
        "verdict",
        "accept",
        "retrain",
        "ramp",
        "verdict",
    ]
    assert [e.what for e in timeline(tmp_path, decisions)][1:4] == [
        "drift/a has a new normal by ann: new market",
        "retrain by ann",
        "ramp of v2 to 5 %: safe",
    ]


def test_a_rollback_is_an_alarm(tmp_path):
    entry = {"share": 0.0, "since": datetime(2026, 10, 1, tzinfo=UTC), "action": "rollback"}

    assert timeline(tmp_path, Decisions({"ramp": (entry,)}))[0].level == "alarm"


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"judgement": {}}', '{"judgement": {}, "command": 3, "verdict": []}']
)
def test_a_file_that_is_no_run_is_passed_over(text, tmp_path):
    kept(tmp_path, 1)
    (tmp_path / "history" / "00.json").write_text(text)

    assert len(timeline(tmp_path, NONE)) == 1


def test_without_a_folder_there_is_nothing(tmp_path):
    assert timeline(tmp_path / "none", NONE) == []
