"""JUnit, GitHub, Prometheus and Markdown: what their readers need, and that nothing breaks out."""

import io
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlops_cli.render.registry import RENDERERS
from mlops_cli.result.finding import Judgement, Level, Status
from mlops_cli.result.report import Table
from mlops_cli.result.tables import SERIES


def said(name, report):
    out = io.StringIO()
    RENDERERS[name](report, out)
    return out.getvalue()


def cases(report):
    root = ET.fromstring(said("junit", report))
    return {(c.get("classname"), c.get("name")): c for c in root.iter("testcase")}, root


def test_a_check_is_a_test_case(reports):
    found, _ = cases(reports.report())

    failed = {name for name, case in found.items() if case.find("failure") is not None}
    assert failed == {
        ("mlops.verdict", "monitor"),
        ("mlops.input.scorer", "missing-rate of carrier[origin=JFK]"),
        ("mlops.input", "volume"),
    }
    warned = found["mlops.output", "drift of score[arm=canary]"]
    assert warned.find("system-out").text.startswith("warning, shifted: drift of score in canary")
    assert len(found["mlops.output", "null-rate"]) == 0
    assert ("mlops.software", "throughput") not in found


def test_the_counts_are_those_of_the_cases(reports):
    found, root = cases(reports.report())

    assert root.get("tests") == str(len(found)) == "11"
    assert root.get("failures") == "3"
    assert [s.get("name") for s in root] == ["verdict", "mlops", "delay"]


def test_an_unknown_check_is_skipped_with_its_reason(reports):
    row = dict.fromkeys(SERIES, "") | {"series": "auc/////", "code": "auc", "group": "model"}
    row |= {"level": "unknown", "why": "the labels have not come yet"}
    report = replace(reports.empty(), tables=(Table("series", "", SERIES, (tuple(row.values()),)),))
    found, _ = cases(report)

    assert found["mlops.model", "auc"].find("skipped").get("message") == "the labels have not come yet"
    assert found["mlops.verdict", "monitor"].find("skipped") is not None


@pytest.mark.parametrize(("code", "failures"), [(0, 0), (1, 1), (3, 0), (4, 1)])
def test_the_verdict_fails_where_the_exit_code_does(code, failures, reports):
    _, root = cases(replace(reports.empty(), exit_code=code))

    assert int(root.get("failures")) == failures


def test_no_name_breaks_out_of_the_xml(reports):
    found, root = cases(reports.odd())

    assert len(root) == 2
    assert any("<script>&amp;" in name for _, name in found)


def test_an_annotation_stands_on_the_line_of_its_bound(reports):
    first = said("github", reports.report()).splitlines()[0]

    assert first.startswith(
        "::error file=mlops.toml,line=14,title=missing-rate/delay/scorer//origin=JFK/carrier::missing-rate of "
        "carrier in scorer, origin=JFK is 26 %25 (baseline 3 %25",
    )


def test_a_bound_in_no_file_is_annotated_without_one(reports):
    assert "\n::error title=volume/////::volume is 507 rows" in said("github", reports.report())


def test_errors_come_before_warnings_and_what_recovered_is_none(reports):
    lines = said("github", reports.report()).splitlines()

    assert [line.split()[0].split("::")[1] for line in lines] == [
        "error",
        "error",
        "warning",
        "warning",
        "notice",
    ]
    assert "latency-p99" not in "\n".join(lines)


def test_what_opened_and_recovered_is_annotated_where_the_gate_failed_on_it(reports):
    base = reports.report()
    over = tuple(replace(f, status=Status.RECOVERED) for f in base.judgement.findings)
    report = replace(base, judgement=Judgement(Level.OK, 1, 0, over))

    assert said("github", report).count("::error ") == 4


def test_a_step_gets_no_more_annotations_than_are_shown(reports):
    lines = said("github", reports.huge()).splitlines()

    assert sum(line.startswith("::error ") for line in lines) == 10
    assert sum(line.startswith("::warning ") for line in lines) == 10
    assert re.fullmatch(r"and \d+ more findings: see the step summary or the report", lines[-1])


def test_an_undecided_run_is_a_warning_of_its_own(reports):
    assert said("github", reports.empty()) == (
        "::warning title=mlops monitor::UNDECIDED (exit 3), hold: undecided: nothing could be checked\n"
    )


def test_no_name_starts_a_command_of_its_own(reports):
    lines = said("github", reports.odd()).splitlines()

    assert len(lines) == 2
    for line in lines:
        assert re.match(r"::(error|notice) title=[^:,]*::", line)
        assert not re.search(r"%(?!25|0A|3A|2C)", line)


SAMPLE = re.compile(r'[a-z_]+\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\} (?:-?[0-9.e+-]+)')


@pytest.mark.parametrize("kind", ["whole", "odd", "huge", "empty"])
def test_every_line_of_the_exposition_is_well_formed_and_no_series_comes_twice(kind, reports):
    lines = said("prometheus", reports.ODD[kind]()).split("\n")[:-1]
    samples = [line for line in lines if not line.startswith("#")]

    assert [line for line in samples if not SAMPLE.fullmatch(line)] == []
    assert len({s.rpartition(" ")[0] for s in samples}) == len(samples)


def test_the_exposition_holds_what_alarms_are_made_of(reports):
    text = said("prometheus", reports.report())

    assert (
        'mlops_metric_value{metric="volume",group="input",model="",component="",arm="",segment="",field=""} 507\n'
        in text
    )
    assert 'mlops_verdict{command="monitor",action="fix-pipeline"} 1\n' in text
    assert 'mlops_exit_code{command="monitor"} 1\n' in text
    assert "mlops_last_run_timestamp_seconds{" in text


def test_an_unknown_value_is_absent_and_no_zero(reports):
    assert "mlops_metric_value" not in said("prometheus", reports.odd())


def test_prometheus_own_parser_reads_it(reports):
    families = list(text_string_to_metric_families(said("prometheus", reports.odd())))

    assert {"mlops_verdict", "mlops_last_run_timestamp_seconds"} <= {f.name for f in families}


def test_every_row_of_a_markdown_table_has_its_cells(reports):
    for kind in ("whole", "odd"):
        tables = re.findall(r"(?:^\|.*\|$\n?)+", said("markdown", reports.ODD[kind]()), re.MULTILINE)
        widths = [{len(re.findall(r"(?<!\\)\|", line)) for line in t.strip().split("\n")} for t in tables]

        assert tables
        assert [w for w in widths if len(w) != 1] == []


def test_markdown_lets_no_markup_through(reports):
    text = said("markdown", reports.odd())

    assert "<script" not in text
    assert re.search(r"(?<!\\)\[bold", text) is None
    assert "@all" not in text


def test_a_step_summary_stays_far_below_its_limit(reports):
    assert len(said("markdown", reports.huge()).encode()) < 200_000
