"""Commands that judge nothing: explain, metrics list, config, schema."""

import json
import os
import tomllib

import pytest

from mlops_cli.cli.main import run
from mlops_cli.config.lines import DEFAULT_LINES
from mlops_cli.config.settings import Settings
from mlops_cli.metrics.registry import METRICS


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working directory without a configuration above it."""
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("MLOPS_")]:
        monkeypatch.delenv(name)
    return tmp_path


def said(capsys, *argv):
    assert run(list(argv)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("code", METRICS)
def test_every_metric_is_explained(code, capsys):
    text = " ".join(said(capsys, "explain", code).split())

    metric = METRICS[code]
    for fact in (code, metric.help, metric.formula, metric.source, metric.unit, *metric.remedies):
        assert " ".join(fact.split()) in text


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("latency_p99", '[metrics.software] latency-p99 = { warn = "+60%", alarm = "+200%" }'),
        ("volume", '[metrics.input] volume = { warn = ["-40%", "+100%"], alarm = ["-70%", "+300%"] }'),
        ("drift", "[metrics.output] drift = { warn = 0.05, alarm = 0.15 }"),
        ("throughput", "none by default: it is shown, not judged"),
    ],
)
def test_the_default_lines_are_shown_as_the_configuration_has_them(code, line, capsys):
    assert line in " ".join(said(capsys, "explain", code).split())


def test_explain_as_json_has_the_same_facts(capsys):
    facts = json.loads(said(capsys, "explain", "drift", "-f", "json"))

    assert facts["lines"] == {group: DEFAULT_LINES[group]["drift"] for group in ("input", "output")}
    assert facts["remedies"] == list(METRICS["drift"].remedies)


def test_metrics_list_names_every_metric_on_a_line(capsys):
    lines = said(capsys, "metrics", "list").splitlines()

    assert [line.split()[0] for line in lines] == ["metric", *METRICS]


def test_metrics_list_as_json_names_every_metric(capsys):
    assert [m["code"] for m in json.loads(said(capsys, "metrics", "list", "-f", "json"))] == list(METRICS)


def test_config_show_is_toml_that_means_the_same(folder, capsys):
    (folder / "mlops.toml").write_text(
        '[windows]\nsize = "1h"\n[sources.a]\npath = "logs/*.csv"\ncolumns = { prediction = "late" }\n'
        '[metrics.input]\nmissing-rate = { alarm = "+9pp", owner = "me" }\n'
    )
    shown = tomllib.loads(said(capsys, "config", "show"))

    settings = Settings.model_validate(shown)
    assert settings.windows.size == "1h"
    assert settings.sources["a"].columns == {"prediction": "late"}
    for group, codes in DEFAULT_LINES.items():
        for code in codes:
            expected = {"warn": "+2pp", "alarm": "+9pp", "owner": "me"} if code == "missing-rate" else {}
            line = settings.line(group, code)
            assert {k: getattr(line, k) for k in expected} == expected


def test_config_show_says_where_each_value_comes_from(folder, capsys, monkeypatch):
    (folder / "mlops.toml").write_text('[windows]\nsize = "1h"\n')
    monkeypatch.setenv("MLOPS_GATE__FAIL_ON", "warning")
    shown = json.loads(
        said(
            capsys, "config", "show", "-f", "json", "--config", "mlops.toml", "--config", "windows.min_rows=9"
        )
    )

    assert shown["windows.size"] == {"value": "1h", "origin": "mlops.toml:2"}
    assert shown["windows.min_rows"] == {"value": 9, "origin": "--config 'windows.min_rows=9'"}
    assert shown["gate.fail_on"] == {"value": "warning", "origin": "environment variable MLOPS_GATE__FAIL_ON"}
    assert shown["baseline.from"] == {"value": "auto", "origin": "default"}
    assert shown["metrics.input.drift.warn"] == {"value": 0.05, "origin": "default"}


def test_config_check_says_that_all_is_right(folder, capsys):
    (folder / "mlops.toml").write_text('[windows]\nsize = "1h"\n')

    assert said(capsys, "config", "check") == "mlops.toml: 1 key set, all right\n"


def test_config_check_without_a_file_says_so(capsys):
    assert (
        said(capsys, "config", "check") == "no configuration file, the defaults hold: 0 keys set, all right\n"
    )


def test_config_schema_is_a_json_schema_of_every_section(capsys):
    schema = json.loads(said(capsys, "config", "schema"))

    assert set(schema["properties"]) == {f.alias or name for name, f in Settings.model_fields.items()}


def test_schema_is_the_file_of_the_package(capsys):
    assert json.loads(said(capsys, "schema"))["title"] == "Report"
