import io
import json
from importlib.resources import files

from jsonschema import Draft202012Validator

from mlops_cli.render.registry import RENDERERS
from mlops_cli.result.report import Report


def said(name, report):
    out = io.StringIO()
    RENDERERS[name](report, out)
    return out.getvalue()


def schema():
    return json.loads((files("mlops_cli") / "result" / "report.schema.json").read_text(encoding="utf-8"))


def test_every_report_keeps_to_the_schema(reports):
    check = Draft202012Validator(schema())

    for make in reports.ODD.values():
        if make is not reports.odd:  # its details are no detail of any command
            check.validate(json.loads(said("json", make())))


def test_no_number_is_lost_or_changed(reports):
    report = reports.report()

    assert json.loads(said("json", report)) == report.to_dict()
    assert Report.from_dict(json.loads(said("json", report))).to_dict() == report.to_dict()


def test_what_is_no_number_is_null(reports):
    findings = json.loads(said("json", reports.numberless()))["judgement"]["findings"]

    assert [f["value"] for f in findings[:4]] == [None] * 4


def test_a_row_of_a_table_is_a_line(reports):
    lines = said("json", reports.report()).splitlines()

    assert '    ["volume/////", "2026-10-30T00:00:00Z", 507.0, 507, "alarm", 607.5],' in lines


def test_json_is_the_same_in_every_encoding(reports):
    assert said("json", reports.odd()).isascii()
    assert said("jsonl", reports.odd()).isascii()


def test_lines_hold_all_of_the_report(reports):
    report = reports.report()
    lines = [json.loads(line) for line in said("jsonl", report).splitlines()]
    kinds = [line["type"] for line in lines]

    assert kinds[0] == "run"
    assert kinds.count("finding") == len(report.judgement.findings)
    assert kinds.count("row") == sum(len(t.rows) for t in report.tables)
    assert {line["now"] for line in lines} == {"2026-10-30T23:59:58Z"}
