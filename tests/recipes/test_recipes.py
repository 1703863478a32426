"""Every recipe: manifests against their schemas, command lines parsed and run, names of metrics as we serve them."""

import ast
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from mlops_cli.cli.lazy import group
from mlops_cli.cli.main import run
from mlops_cli.config.load import load
from mlops_cli.live.prepared import Answer
from mlops_cli.render.registry import RENDERERS

yaml = pytest.importorskip("yaml", reason="pyyaml is not installed")
ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs" / "recipes"
README = (RECIPES / "README.md").read_text(encoding="utf-8")
MANIFESTS = sorted([*RECIPES.rglob("*.y*ml"), ROOT / "action.yml", ROOT / ".pre-commit-hooks.yaml"])


def documents(path):
    return [d for d in yaml.safe_load_all(path.read_text(encoding="utf-8")) if d is not None]


def kind(name):
    for path in MANIFESTS:
        for document in documents(path):
            if isinstance(document, dict) and document.get("kind") == name:
                yield document


def containers(document):
    """Every container, wherever it stands."""
    if isinstance(document, dict):
        yield from document.get("containers", ())
        for value in document.values():
            yield from containers(value)
    elif isinstance(document, list):
        for value in document:
            yield from containers(value)


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def command_lines():
    """Every command line of `mlops` in the recipes, as words."""
    for block in blocks("bash"):
        yield from (shlex.split(line) for line in block.splitlines() if line.strip())
    for line in re.findall(r"`(mlops [a-z][^`.]*?)`", README):
        if "..." not in line and "=" not in line and " -" in line:
            yield shlex.split(line)
    cron = blocks("cron")[0]
    yield shlex.split(cron[cron.index("mlops monitor") : cron.index(" >>")])
    for path in MANIFESTS:
        for document in documents(path):
            yield from (["mlops", *map(str, c["args"])] for c in containers(document) if "args" in c)
    for line in documents(RECIPES / "ci" / "gitlab.yml")[0]["model"]["script"]:
        if line.startswith("mlops"):
            yield shlex.split(line)
    service = (RECIPES / "systemd" / "mlops.service").read_text()
    yield ["mlops", *shlex.split(re.search(r"^ExecStart=(.*)$", service, re.MULTILINE)[1])[1:]]
    tree = ast.parse((RECIPES / "airflow" / "mlops_dag.py").read_text())
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.keyword)
            and node.arg == "bash_command"
            and node.value.value.startswith("mlops")
        ):
            yield shlex.split(node.value.value.replace("{{ ds }}", "2026-10-14"))
    yield shlex.split(documents(ROOT / ".pre-commit-hooks.yaml")[0][0]["entry"])


COMMANDS = list(dict.fromkeys(tuple(words) for words in command_lines()))


def test_there_are_command_lines_of_every_kind():
    assert {c[1] for c in COMMANDS} >= {"monitor", "report", "dashboard", "serve", "canary", "config"}
    assert len(COMMANDS) >= 14


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_line_is_understood(words):
    root = group()
    with root.make_context("mlops", list(words[1:])) as context:
        name, command, rest = root.resolve_command(context, list(words[1:]))
        if hasattr(command, "list_commands"):
            with command.make_context(name, rest, parent=context) as inner:
                name, command, rest = command.resolve_command(inner, rest)
        command.make_context(name, rest, parent=context).close()


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """A folder with logs as the recipes name them."""
    folder = tmp_path_factory.mktemp("site")
    here = Path.cwd()
    os.chdir(folder)
    try:
        assert run(["demo", "logs", "-q"]) in {0, 1}
    finally:
        os.chdir(here)
    return folder


def runnable():
    """Commands that end by themselves, over these logs."""
    return [c for c in COMMANDS if c[1] in {"monitor", "report", "config"} and "--test-notify" not in c]


@pytest.mark.slow
def test_command_lines_run_and_end_with_a_verdict(site, monkeypatch):
    monkeypatch.chdir(site)
    (site / "mlops.toml").write_text("schema = 1\n")
    swapped = {"/logs": "logs/", "/var/log/delay": "logs/", "/data/logs": "logs/"}
    for words in runnable():
        arguments = [swapped.get(w, w) for w in words[1:]]
        arguments = [
            re.sub(r"(/data/reports|/var/lib/node_exporter|/var/lib/mlops|/state)", "out", w)
            for w in arguments
        ]
        assert run(arguments) in {0, 1}, words
    assert (site / "report.html").exists()
    assert (site / "mlops.prom").exists()


@pytest.mark.slow
def test_the_line_of_cron_runs_in_a_shell_and_gives_up_while_another_runs(site):
    if shutil.which("flock") is None:
        pytest.skip("there is no flock on this machine")
    line = blocks("cron")[0].split(" * * * * ")[1].strip()
    bin_ = site / "bin"
    bin_.mkdir(exist_ok=True)
    (bin_ / "mlops").write_text(f'#!/bin/sh\nexec {sys.executable} -m mlops_cli "$@"\n')
    (bin_ / "mlops").chmod(0o755)
    shell = line.replace("/srv/delay", str(site))
    env = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}"}

    assert subprocess.run(["sh", "-c", shell], env=env, check=False).returncode == 1
    assert (site / "mlops.log").read_text().startswith("FAIL")
    held = f"flock {site}/.mlops.lock sh -c '{shell}'"
    assert subprocess.run(["sh", "-c", held], env=env, check=False).returncode == 1
    assert (site / "mlops.log").read_text().count("FAIL") == 1


def test_the_notify_block_is_a_valid_configuration(tmp_path):
    (tmp_path / "mlops.toml").write_text("schema = 1\n" + blocks("toml")[0])

    assert load((str(tmp_path / "mlops.toml"),)).settings.notify.webhook == "env:MLOPS_WEBHOOK"


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda p: p.name)
def test_a_manifest_is_yaml(path):
    assert documents(path)


@pytest.mark.parametrize("name", ["cronjob.yaml", "serve.yaml"])
def test_a_manifest_of_kubernetes_fits_its_schema(name):
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    for document in documents(RECIPES / "kubernetes" / name):
        validate.validate(document, "1.31", strict=True)


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("vendor.github-actions", ROOT / "action.yml"),
        ("vendor.github-workflows", RECIPES / "ci" / "github.yml"),
        ("vendor.gitlab-ci", RECIPES / "ci" / "gitlab.yml"),
    ],
)
def test_a_file_of_a_ci_fits_its_schema(schema, path):
    if find_spec("check_jsonschema") is None:
        pytest.skip("check-jsonschema is not installed")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)

    assert said.returncode == 0, said.stdout


def test_a_verdict_is_never_tried_again_and_a_crash_is():
    spec = next(kind("CronJob"))["spec"]
    job = spec["jobTemplate"]["spec"]
    rule = job["podFailurePolicy"]["rules"][0]

    assert spec["concurrencyPolicy"] == "Forbid"
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"]["values"] == [1, 2, 3, 4]
    assert rule["onExitCodes"]["containerName"] == "mlops"
    assert job["backoffLimit"] > 0


def test_containers_may_write_nothing_but_what_they_are_given():
    found = [c for path in MANIFESTS for d in documents(path) for c in containers(d) if "mlops" in c["image"]]

    assert len(found) >= 3
    for container in found:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        logs = next(m for m in container["volumeMounts"] if m["name"] == "logs")
        assert logs["readOnly"] is True


def test_argo_reads_what_serve_answers_and_a_hold_pauses():
    web, job = (
        next(t for t in kind("AnalysisTemplate") if t["metadata"]["name"].endswith(n)) for n in ("web", "job")
    )
    metric = web["spec"]["metrics"][0]

    assert metric["successCondition"] == 'result.verdict.action in ["ramp", "promote"]'
    assert metric["failureCondition"] == 'result.verdict.action == "rollback"'
    assert metric["inconclusiveLimit"] > 1_000
    assert metric["provider"]["web"]["jsonPath"] == "{$}"
    spec = job["spec"]["metrics"][0]["provider"]["job"]["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["template"]["spec"]["containers"][0]["args"][-3:] == ["--undecided", "pass", "--no-state"]


def test_flagger_asks_where_serve_answers():
    hooks = next(kind("Canary"))["spec"]["analysis"]["webhooks"]
    paths = {h["type"]: h["url"].split(":8000")[1].split("?")[0] for h in hooks}

    assert paths == {
        "confirm-traffic-increase": "/v1/flagger/gate",
        "confirm-promotion": "/v1/flagger/gate",
        "rollback": "/v1/flagger/rollback",
    }


def test_the_hook_of_pre_commit_is_what_was_promised():
    hook = documents(ROOT / ".pre-commit-hooks.yaml")[0][0]

    assert (hook["id"], hook["pass_filenames"], hook["require_serial"]) == ("mlops-config", False, True)
    for name in ("mlops.toml", ".mlops.toml", "pyproject.toml", "services/delay/mlops.toml"):
        assert re.search(hook["files"], name)
    for name in ("notmlops.toml", "mlops.toml.bak", "mlops.json"):
        assert not re.search(hook["files"], name)


def action():
    return documents(ROOT / "action.yml")[0]


def test_the_action_has_the_inputs_and_outputs_that_were_promised():
    assert {"command", "args", "fail-on"} <= set(action()["inputs"])
    assert set(action()["outputs"]) == {"verdict", "exit-code", "report-path"}


def test_no_input_of_the_action_is_pasted_into_a_script():
    for step in action()["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_the_action_hands_on_words_as_they_were_quoted(tmp_path):
    step = next(s for s in action()["runs"]["steps"] if s.get("id") == "run")
    fake = tmp_path / "mlops"
    fake.write_text('#!/bin/sh\nprintf "[%s]" "$@"\nexit 3\n')
    fake.chmod(0o755)
    (tmp_path / "python").symlink_to(sys.executable)
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "COMMAND": "monitor",
        "ARGS": "logs/ --config 'windows.size = \"1h\"' --column '$(touch pwned)'",
        "FAIL_ON": "warning",
        "REPORT": "page.html",
        "GITHUB_OUTPUT": str(tmp_path / "out"),
    }
    said = subprocess.run(
        ["bash", "-e", "-c", step["run"]], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert said.returncode == 3
    assert said.stdout == (
        '[monitor][logs/][--config][windows.size = "1h"][--column][$(touch pwned)]'
        "[--fail-on][warning][--output][html=page.html]"
    )
    assert (tmp_path / "out").read_text() == "report-path=page.html\n"
    assert not (tmp_path / "pwned").exists()


def served(reports):
    """Names of all metrics that are exposed."""
    from mlops_cli.live.serve import _exposition  # noqa: PLC0415 # an extra

    at = reports.report().generated
    text = _exposition(Answer(reports.report(), "", 1, at, at, 1.0))
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


def test_grafana_and_prometheus_ask_for_metrics_that_are_served(reports):
    pytest.importorskip("starlette", reason="the extra `serve` is not installed")
    dashboard = json.loads((RECIPES / "grafana.json").read_text())
    asked = [t["expr"] for p in dashboard["panels"] for t in p["targets"]]
    asked += [v["definition"] for v in dashboard["templating"]["list"] if "definition" in v]
    rules = documents(RECIPES / "prometheus" / "rules.yml")[0]["groups"][0]["rules"]
    asked += [r["expr"] for r in rules]
    names = {n for e in asked for n in re.findall(r"mlops_[a-z_]+", e)}

    assert len(dashboard["panels"]) >= 9
    assert names - served(reports) == set()


def test_the_dashboard_of_grafana_has_its_data_source_chosen_and_panels_that_do_not_overlap():
    dashboard = json.loads((RECIPES / "grafana.json").read_text())
    taken = set()
    for panel in dashboard["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells
    assert len({p["id"] for p in dashboard["panels"]}) == len(dashboard["panels"])


def test_prometheus_takes_its_files():
    if shutil.which("promtool") is None:
        pytest.skip("there is no promtool on this machine")
    for what, name in (("rules", "rules.yml"), ("config", "prometheus.yml")):
        command = ["promtool", "check", what, str(RECIPES / "prometheus" / name)]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr


def test_systemd_takes_its_files(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze on this machine")
    for path in (RECIPES / "systemd").iterdir():
        text = path.read_text().replace("/opt/mlops/bin/mlops", "/bin/true")
        (tmp_path / path.name).write_text(text)
    said = subprocess.run(
        ["systemd-analyze", "verify", *map(str, tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stderr
    assert "mlops" not in said.stderr


def test_airflow_tries_no_verdict_again():
    tree = ast.parse((RECIPES / "airflow" / "mlops_dag.py").read_text())
    calls = [
        n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "BashOperator"
    ]
    monitor = {k.arg: k.value for k in calls[0].keywords}

    assert monitor["retries"].value == 0
    assert monitor["skip_on_exit_code"].value == 3


def test_the_image_runs_as_nobody_in_particular_and_copies_only_what_it_needs():
    text = (ROOT / "Dockerfile").read_text()
    stages = text.split("\nFROM ")

    assert re.search(r"^USER 10001:10001$", stages[-1], re.MULTILINE)
    assert 'ENTRYPOINT ["mlops"]' in stages[-1]
    assert "COPY . " not in text
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        w for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for w in line.split()
    }
    assert copied == allowed


def test_every_recipe_is_named_in_its_index():
    for path in RECIPES.rglob("*"):
        if path.is_file() and path.name != "README.md":
            at = path.relative_to(RECIPES)
            assert f"({at.as_posix()})" in README or f"({at.parent.as_posix()}/)" in README, at


def test_links_of_the_index_lead_somewhere():
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert (RECIPES / link).exists(), link


def test_the_exposition_of_a_file_is_that_of_the_server(reports):
    out = io.StringIO()
    RENDERERS["prometheus"](reports.report(), out)

    assert set(re.findall(r"^# TYPE (\S+)", out.getvalue(), re.MULTILINE)) <= served(reports)
