"""The rules that no linter knows."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import mlops_cli
from mlops_cli.cli.registry import HELP
from mlops_cli.registry import Registry

ROOT = Path(mlops_cli.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))
HEAVY = ("polars", "numpy", "pyarrow", "scipy", "rich", "pydantic", "msgspec", "tomlkit", "duckdb")


def shown(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_a_file_has_at_most_400_lines(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())

    assert lines <= 400


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.name == "__init__.py" and p.parent != ROOT], ids=shown
)
def test_an_init_file_is_empty(path):
    assert path.read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name != "__init__.py"], ids=shown)
def test_a_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def registries():
    for path in SOURCES:
        if path.name == "registry.py" and path.parent != ROOT:
            name = ".".join(("mlops_cli", *path.relative_to(ROOT).with_suffix("").parts))
            for word, value in vars(importlib.import_module(name)).items():
                if isinstance(value, Registry):
                    yield f"{name}:{word}", value


REGISTRIES = dict(registries())


def test_every_open_room_has_its_registry():
    rooms = {name.split(".")[1] for name in REGISTRIES}

    assert {"cli", "logs", "metrics", "profile", "render", "stats"} <= rooms


@pytest.mark.parametrize(("registry", "name"), [(r, n) for r, members in REGISTRIES.items() for n in members])
def test_every_registered_member_loads(registry, name):
    assert REGISTRIES[registry][name] is not None


MEMBERS = sorted({r.package for r in REGISTRIES.values()})


@pytest.mark.parametrize("package", MEMBERS)
def test_every_member_is_registered(package):
    named = {
        f"{package}.{where.split(':')[0]}"
        for r in REGISTRIES.values()
        if r.package == package
        for where in r.members.values()
    }
    folder = importlib.import_module(package)
    found = {
        m.name
        for m in pkgutil.walk_packages(folder.__path__, f"{package}.")
        if not m.ispkg and m.name.removeprefix(f"{package}.").count(".") == depth(named, package)
    }

    assert found - named == set()


def depth(named, package):
    """How deep below their package the members lie: metrics have a folder a group."""
    return max((n.removeprefix(f"{package}.").count(".") for n in named), default=0)


def imported_by(*arguments):
    code = (
        "import sys, io\n"
        "from mlops_cli.cli.main import run\n"
        "out, sys.stdout = sys.stdout, io.StringIO()\n"
        f"code = run({list(arguments)!r})\n"
        "print(code, *sys.modules, file=out)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    code, *modules = ran.stdout.split()
    return int(code), modules


def test_help_imports_nothing_heavy_and_no_command():
    code, modules = imported_by("--help")

    assert code == 0
    assert [m for m in modules if m in HEAVY or m.startswith("mlops_cli.cli.commands.")] == []


def commands():
    return list(REGISTRIES["mlops_cli.cli.registry:COMMANDS"])


@pytest.mark.parametrize("command", commands())
def test_help_of_a_command_imports_nothing_heavy(command):
    code, modules = imported_by(*command.split(), "--help")

    assert code == 0
    assert [m for m in modules if m in HEAVY] == []


def test_version_imports_neither_typer_nor_anything_heavy():
    code = (
        "import sys\n"
        "sys.argv = ['mlops', '--version']\n"
        "from mlops_cli.__main__ import main\n"
        "main()\n"
        "print(*sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said, modules = ran.stdout.splitlines()

    assert said == f"mlops {mlops_cli.__version__}"
    assert [m for m in modules.split() if m in (*HEAVY, "typer", "argparse")] == []


@pytest.mark.parametrize("command", commands())
def test_a_command_says_what_it_does_in_a_line_of_help(command):
    assert 10 < len(HELP[command]) <= 80
    assert HELP[command][0].isupper()
    assert HELP[command][-1] in ".?"


def test_the_shape_of_a_metric_loads_no_scipy():
    code = "import sys, mlops_cli.metrics.metric; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
