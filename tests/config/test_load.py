"""Finding, laying and checking the configuration."""

import os

import pytest

from mlops_cli.config.load import digest, find, load, load_file
from mlops_cli.config.settings import Settings
from mlops_cli.errors import UsageError
from mlops_cli.metrics.registry import METRICS

WORDS = {"metrics": list(METRICS)}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working directory without our variables."""
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("MLOPS_")]:
        monkeypatch.delenv(name)
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def message(**how):
    with pytest.raises(UsageError) as error:
        load(words=WORDS, **how)
    return str(error.value)


def test_without_a_file_everything_has_its_default():
    loaded = load(words=WORDS)

    assert (Settings(), ".", "", {}) == (loaded.settings, loaded.folder, loaded.path, loaded.origins)


def test_the_closest_file_wins_and_nothing_is_merged(folder, monkeypatch):
    write(folder / "mlops.toml", "[windows]\nsize = '1h'\nmin_rows = 5")
    write(folder / "a" / "mlops.toml", "[gate]\nfail_on = 'never'")
    (folder / "a" / "b").mkdir()
    monkeypatch.chdir(folder / "a" / "b")

    loaded = load(words=WORDS)

    assert (loaded.settings.gate.fail_on, loaded.settings.windows.min_rows) == ("never", 200)
    assert (loaded.path, loaded.folder) == ("../mlops.toml", "..")


def test_in_one_folder_the_hidden_file_is_before_the_plain_one_before_pyproject(folder):
    found = []
    for name in ("pyproject.toml", "mlops.toml", ".mlops.toml"):
        write(folder / name, "[tool.mlops.gate]\n" if name == "pyproject.toml" else "")
        found.append(str(find(folder)))

    assert found == ["pyproject.toml", "mlops.toml", ".mlops.toml"]


def test_a_pyproject_without_the_table_is_passed_over(folder, monkeypatch):
    write(folder / "mlops.toml", "[windows]\nmin_rows = 7")
    write(folder / "a" / "pyproject.toml", "[project]\nname = 'uses-mlops'\n[tool.ruff]\n")
    monkeypatch.chdir(folder / "a")

    assert load(words=WORDS).settings.windows.min_rows == 7


def test_the_table_of_a_pyproject_has_its_lines(folder):
    write(folder / "pyproject.toml", "[project]\nname = 'x'\n\n[tool.mlops.windows]\nmin_row = 7")

    assert message() == (
        "mlops: unknown key 'min_row'\n"
        "  at: pyproject.toml, line 5, [tool.mlops.windows]\n"
        "  do: write 'min_rows'?"
    )


def test_isolated_looks_for_no_file(folder):
    write(folder / "mlops.toml", "[windows]\nmin_rows = 7")

    assert load(isolated=True).settings.windows.min_rows == 200


def test_a_named_file_stands_for_the_found_one(folder):
    write(folder / "mlops.toml", "[windows]\nmin_rows = 7")
    write(folder / "other" / "x.toml", "[gate]\nfail_on = 'warning'")

    loaded = load(["other/x.toml"])

    assert (loaded.settings.windows.min_rows, loaded.settings.gate.fail_on) == (200, "warning")
    assert loaded.folder == "other"


def test_command_line_is_before_environment_before_overlay_before_file_before_default(folder, monkeypatch):
    write(
        folder / "mlops.toml",
        "[windows]\nmin_rows = 1\n[segments]\nmax = 1\nmin_share = 0.1\n[gate]\nfail_on = 'never'\n"
        "[overlays.ci]\n'windows.min_rows' = 2\n'segments.max' = 2\n'segments.min_share' = 0.2",
    )
    monkeypatch.setenv("MLOPS_WINDOWS__MIN_ROWS", "3")
    monkeypatch.setenv("MLOPS_SEGMENTS__MAX", "3")

    loaded = load(["windows.min_rows = 4"], overlay=["ci"])

    got = loaded.settings
    assert (
        got.windows.min_rows,
        got.segments.max,
        got.segments.min_share,
        got.gate.fail_on,
    ) == (4, 3, 0.2, "never")
    assert loaded.origins == {
        "windows.min_rows": "--config 'windows.min_rows = 4'",
        "segments.max": "environment variable MLOPS_SEGMENTS__MAX",
        "segments.min_share": "mlops.toml:11 [overlays.ci]",
        "gate.fail_on": "mlops.toml:7",
    }


def test_inline_toml_stays_with_the_found_file(folder):
    write(folder / "mlops.toml", "[windows]\nmin_rows = 7")

    loaded = load(['windows.size="1h"'])

    assert (loaded.settings.windows.size, loaded.settings.windows.min_rows) == ("1h", 7)


def test_variables_are_read_by_the_type_of_the_setting(monkeypatch):
    monkeypatch.setenv("MLOPS_WINDOWS__SIZE", "1h")
    monkeypatch.setenv("MLOPS_PROJECT__NAME", "2013")
    monkeypatch.setenv("MLOPS_SEGMENTS__BY", '["origin"]')
    monkeypatch.setenv("MLOPS_METRICS__INPUT__MISSING_RATE__WARN", "+3pp")
    monkeypatch.setenv("MLOPS_REFERENCE_DATA", "not a setting")

    settings = load(words=WORDS).settings

    assert (settings.windows.size, settings.project.name, settings.segments.by) == ("1h", "2013", ("origin",))
    assert settings.line("input", "missing-rate").warn == "+3pp"


def test_a_wrong_variable_is_named(monkeypatch):
    monkeypatch.setenv("MLOPS_WINDOWS__SIZ", "1h")

    assert message() == (
        "mlops: unknown key 'siz'\n  at: environment variable MLOPS_WINDOWS__SIZ\n  do: write 'size'?"
    )


def test_every_mistake_is_said_at_once_with_its_line(folder):
    write(
        folder / "mlops.toml",
        """[windows]
siz = "1d"
min_rows = 0
[sources.p]
kind = "prediction"
[metrics]
for = 0
[metrics.input]
mising-rate = { warn = 0.1 }
latency-p99 = { warn = 200 }
drift = { warn = "0.05", colums = ["a"] }
drift-jss = { warn = 1 }
[metrics.softwar]
x = 1
[metrics.drift]
warn = 1
[gate]
max_age = "1y"
fail_on = "alert"
[overlays.ci]
"windows.siz" = "1h"
[zzz]
""",
    )

    text = message()

    assert text.startswith("mlops: 16 mistakes in the configuration\n  at: mlops.toml, line 2, [windows]: ")
    lines = [line.split(": ", 1)[1] for line in text.replace("  at: ", "  ").splitlines()[1:-1]]
    assert lines == [
        "unknown key 'siz'; write 'size'?",
        "min_rows = 0: input should be greater than or equal to 1",
        "path is missing; write path = ...",
        "kind = 'prediction' is not known; write 'predictions'?",
        "for = 0: input should be greater than or equal to 1",
        "unknown metric 'mising-rate'; write 'missing-rate'?",
        "metric 'latency-p99' is not of the group input; write it under [metrics.software]",
        "unknown key 'colums'; write 'columns'?",
        (
            "warn: '0.05' is no line; write a number (absolute), a change against the baseline with its sign "
            "('+20%', '+2pp', '-0.02'), '3 sigma' or { adapt = \"auto\" }"
        ),
        "unknown metric 'drift-jss'; write 'drift-js'?",
        "unknown group of metrics 'softwar'; write 'software'?",
        "unknown group of metrics 'drift'; write it under [metrics.input]",
        "max_age: '1y' is no duration; write a number and s, min, h, d or w",
        "fail_on = 'alert' is not known; write 'alarm'?",
        "unknown key 'siz'; write 'size'?",
        "unknown key 'zzz'; choose one of: " + ", ".join([*_top(), "extend", "overlays"]),
    ]
    assert "mlops.toml, line 21, [overlays.ci.windows]: unknown key 'siz'" in text


def _top():
    return [info.alias or name for name, info in Settings.model_fields.items()]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[project]\ntimezone = 'Mars/X'", "timezone: 'Mars/X' is no time zone"),
        ("[baseline]\nexclude = [['2013-12-24', 'soon']]", "exclude: 'soon' is no time"),
        ("[gate]\nrequire = 'volume'", "require = 'volume': input should be a list"),
        ("windows = 3", "windows = 3: "),
        ("[metrics.input]\ndrift = 0.1", "drift = 0.1: a metric has lines"),
        ("[metrics]\ninput = 3", "metrics.input is no table"),
        ("schema = 2", "this file is of schema 2, this mlops reads schema 1"),
        ("[windows", "this is no TOML"),
        ("extend = 'nowhere.toml'", "extend = 'nowhere.toml' is no file"),
        ("extend = 'mlops.toml'", "mlops.toml extends itself"),
        ("overlays = 1", "overlays is no table"),
        ("[overlays]\nci = 1", "overlay 'ci' is no table"),
        ("[overlays.ci]\n'gate.fail_on' = 'x'\n'gate' = 1", ""),
    ],
)
def test_a_wrong_value_is_said_with_its_file(folder, toml, said):
    write(folder / "mlops.toml", toml)
    if not said:
        load(words=WORDS)  # an overlay that is not asked for is checked for its keys only
        return

    text = message()

    assert said in text.splitlines()[0]
    assert "mlops.toml" in text
    assert "do: " in text or "input should" in text


def test_a_key_of_a_metric_may_be_written_with_underscores(folder):
    write(folder / "mlops.toml", "[metrics.input]\nmissing_rate = { warn = 0.5 }\n[metrics]\nfor = 2")

    loaded = load(words=WORDS)

    line = loaded.settings.line("input", "missing-rate")
    assert (line.warn, line.alarm, line.for_) == (0.5, "+5pp", 2)
    assert loaded.origins["metrics.input.missing-rate.warn"] == "mlops.toml:2"


def test_any_drift_statistic_stands_beside_drift(folder):
    write(folder / "mlops.toml", "[metrics.output]\ndrift-psi = { alarm = 0.2 }")

    assert load(words=WORDS).settings.metrics == {"output": {"drift-psi": {"alarm": 0.2}}}
    assert load_file("mlops.toml").metrics == {"output": {"drift-psi": {"alarm": 0.2}}}


def test_extend_lays_a_file_over_another_and_moves_its_paths(folder, monkeypatch):
    write(
        folder / "base" / "mlops.toml",
        "[windows]\nmin_rows = 7\nsize = '1h'\n[baseline]\npath = 'train.parquet'\n"
        "[sources.p]\npath = 'logs/*.parquet'\n[sources.p.columns]\npath = 'url'\n"
        "[sources.q]\npath = 's3://bucket/x'\n[report]\noutputs = ['json=out.json']\n"
        "[overlays.ci]\n'gate.fail_on' = 'warning'",
    )
    write(folder / "mine" / "mlops.toml", "extend = '../base/mlops.toml'\n[windows]\nsize = '1d'")
    monkeypatch.chdir(folder / "mine")

    loaded = load(overlay=["ci"], words=WORDS)

    got = loaded.settings
    assert (got.windows.min_rows, got.windows.size, got.gate.fail_on) == (7, "1d", "warning")
    assert got.baseline.path == "../base/train.parquet"
    assert (got.sources["p"].path, got.sources["q"].path) == ("../base/logs/*.parquet", "s3://bucket/x")
    assert got.sources["p"].columns == {"path": "url"}
    assert got.report.outputs == ("json=../base/out.json",)
    assert loaded.origins["windows.min_rows"] == "../base/mlops.toml:2"


def test_an_unknown_overlay_offers_the_nearest_one(folder):
    write(folder / "mlops.toml", "[overlays.nightly]\n'windows.size' = '1d'")

    assert message(overlay=["nightl"]).endswith("do: write 'nightly'?")
    assert "[overlays.NAME]" in message(isolated=True, overlay=["ci"])


def test_a_file_that_is_not_there_is_a_usage_error():
    text = message(config=["nowhere.toml"])

    assert "nowhere.toml" in text
    assert "cannot read the configuration" in text


def test_a_file_that_is_not_utf_8_is_a_usage_error(folder):
    (folder / "mlops.toml").write_bytes(b"[project]\nname = '\xff'")

    assert "is not UTF-8" in message()


def test_the_file_of_a_sub_folder_takes_the_overlays_that_it_has(folder):
    write(folder / "m" / "mlops.toml", "[overlays.ci]\n'windows.size' = '1h'")

    assert load_file("m/mlops.toml", overlay=["ci", "other"]).windows.size == "1h"


def test_the_digest_follows_what_changes_a_verdict_and_nothing_else():
    one = load(isolated=True).settings

    same = load(['report.state = "elsewhere"'], isolated=True).settings
    other = load(["windows.min_rows = 5"], isolated=True).settings
    assert digest(one).startswith("sha256:")
    assert digest(one) == digest(same)
    assert digest(one) != digest(other)


def test_a_value_of_another_type_says_what_to_write():
    with pytest.raises(UsageError) as told:
        load(["windows.size=3"], words=WORDS, isolated=True)

    assert told.value.do == 'write a text: size = "3h"'
