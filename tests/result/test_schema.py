"""`report.schema.json` says what the dataclasses do."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator, ValidationError

from mlops_cli.result.details import Monitor
from mlops_cli.result.finding import Finding, Judgement, Level, Rule, Status
from mlops_cli.result.report import SCHEMA, BadLine, Report, Source, Table
from mlops_cli.result.scope import Scope, Window
from mlops_cli.result.verdict import Action, Degree, Verdict

SCHEMA_TEXT = (files("mlops_cli") / "result" / "report.schema.json").read_text(encoding="utf-8")
DOCUMENT = json.loads(SCHEMA_TEXT)
DEFS = DOCUMENT["$defs"]
NOW = datetime(2026, 1, 31, 6, 0, 0, 250_000, tzinfo=UTC)
DAY = Window(datetime(2026, 1, 30, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC))
SCOPE = Scope("delay", "scorer", "v2", (("origin", "JFK"),), "amount")
FINDING = Finding(
    "missing-rate", "input", Level.ALARM, Status.OPEN, Rule.RELATIVE, SCOPE, DAY, DAY.start,
    0.26, "share", 1799, 0.24, 0.28, 0.03, 0.08, "message", "advice", None, "https://wiki.example/missing",
)  # fmt: skip
MONITOR = Monitor(
    "1d", 30, 20, "the first 10", None, "2026-01-30", "UTC", (), 3.5, 60_000, ("windows of 1d",)
)


def report(**changed):
    return Report(
        **{
            "command": "monitor",
            "version": "0.1.0",
            "generated": NOW,
            "now": NOW,
            "exit_code": 1,
            "level": Level.ALARM,
            "verdict": Verdict(
                Action.FIX_PIPELINE, "reason", "step", because=(FINDING.id,), degree=Degree.SHADOW
            ),
            "judgement": Judgement(Level.ALARM, 812, 4, (FINDING,)),
            "sources": (
                Source("a.parquet", "predictions", "parquet", 9, 0, DAY.start, None, 7, "x", ("score",)),
            ),
            "details": {"monitor": MONITOR.to_dict()},
            "tables": (Table("windows", "caption", ("window", "value"), ((NOW, float("nan")), ("x", 1))),),
            "quarantine": (BadLine("a.jsonl", 12, 402, 31, "no JSON"),),
            "notes": ("note",),
            "digests": {"settings": "sha256:0"},
            **changed,
        }
    )


def test_the_schema_is_one():
    Draft202012Validator.check_schema(DOCUMENT)


def test_a_report_is_valid():
    Draft202012Validator(DOCUMENT).validate(json.loads(json.dumps(report().to_dict())))


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (DOCUMENT, report().to_dict()),
        (DOCUMENT["properties"]["tool"], report().to_dict()["tool"]),
        (DEFS["verdict"], report().verdict.to_dict()),
        (DEFS["source"], report().sources[0].to_dict()),
        (DEFS["judgement"], report().judgement.to_dict()),
        (DEFS["finding"], FINDING.to_dict()),
        (DEFS["scope"], SCOPE.to_dict()),
        (DEFS["window"], DAY.to_dict()),
        (DEFS["table"], report().tables[0].to_dict()),
        (DEFS["bad_line"], report().quarantine[0].to_dict()),
        (DEFS["monitor"], {f.name: None for f in fields(Monitor)}),
    ],
    ids=[
        "report",
        "tool",
        "verdict",
        "source",
        "judgement",
        "finding",
        "scope",
        "window",
        "table",
        "line",
        "monitor",
    ],
)
def test_every_key_is_in_the_schema_in_the_same_order_and_no_other(place, said):
    assert list(place["properties"]) == list(said)
    assert place["required"] == list(said)


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (DEFS["level"]["enum"], [level.word for level in Level]),
        (DEFS["verdict"]["properties"]["action"]["enum"], [a.value for a in Action]),
        (DEFS["verdict"]["properties"]["degree"]["enum"], [*(d.value for d in Degree), None]),
        (DEFS["finding"]["properties"]["status"]["enum"], [s.value for s in Status]),
        (DEFS["finding"]["properties"]["rule"]["enum"], [r.value for r in Rule]),
        ([DOCUMENT["properties"]["schema"]["const"]], [SCHEMA]),
    ],
    ids=["level", "action", "degree", "status", "rule", "schema"],
)
def test_every_word_is_in_the_schema(words, known):
    assert words == known


@pytest.mark.parametrize("changed", [{"exit_code": 7}, {"schema": 2}, {"details": {"monitor": {}}}])
def test_what_is_no_report_is_refused(changed):
    with pytest.raises(ValidationError):
        Draft202012Validator(DOCUMENT).validate(report(**changed).to_dict())


def test_a_report_comes_back_from_its_json():
    said = json.loads(json.dumps(report().to_dict()))

    assert Report.from_dict(said).to_dict() == said
