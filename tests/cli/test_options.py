"""Options → Ask and Output."""

import inspect
from dataclasses import fields
from typing import Annotated

import pytest
from typer import Argument

from mlops_cli import api
from mlops_cli.cli.ask import Ask
from mlops_cli.cli.options import ASK, Configured, Output, Reading, ask, columns, expanded
from mlops_cli.cli.registry import REPORTS
from mlops_cli.errors import UsageError


def defaults(**changed):
    return {name: default for name, (_, default) in ASK.items()} | changed


def test_options_as_they_stand_ask_what_an_empty_ask_does():
    assert ask(defaults()) == Ask()


def test_a_command_without_an_option_has_its_default():
    assert ask({"config": ["a.toml"]}) == Ask(config=("a.toml",))


def test_every_option_reaches_the_ask():
    typed = {name: "x" if default == "" else default for name, (_, default) in ASK.items()}
    typed |= {"isolated": True, "no_state": True, "statistics": "all", "stdin_format": "csv"}
    typed |= {name: ["a=b"] for name in ("logs", "segment", "column", "config", "overlay", "soft_fail_on")}
    made = ask(typed)

    same = [f.name for f in fields(Ask) if getattr(made, f.name) == getattr(Ask(), f.name)]
    assert same == []


def test_a_role_may_have_an_expression_with_equals_signs():
    assert columns(["latency_ms== t * 1000", "prediction=late"]) == {
        "latency_ms": "= t * 1000",
        "prediction": "late",
    }


@pytest.mark.parametrize("pair", ["late", "=late", "prediction="])
def test_a_role_without_column_is_refused(pair):
    with pytest.raises(UsageError, match="no ROLE=COLUMN"):
        columns([pair])


def test_a_parameter_that_is_an_ask_stands_for_its_options():
    got = {}

    def command(name: Annotated[str, Argument()], ask: Ask, output: Output, days: int = 3) -> int:
        got.update(name=name, ask=ask, output=output, days=days)
        return 7

    run = expanded(command)
    given = {p.name: p.default for p in inspect.signature(run).parameters.values()} | {
        "name": "x",
        "window": "1h",
    }

    assert list(inspect.signature(run).parameters)[:2] == ["name", "logs"]
    assert run(**given) == 7
    assert got == {"name": "x", "ask": Ask(window="1h"), "output": Output(), "days": 3}


@pytest.mark.parametrize(
    ("kind", "has", "lacks"), [(Configured, "config", "logs"), (Reading, "logs", "baseline")]
)
def test_a_smaller_ask_has_fewer_options(kind, has, lacks):
    def command(ask: kind) -> int:
        return 0

    names = list(inspect.signature(expanded(command)).parameters)

    assert has in names
    assert lacks not in names


def test_python_takes_the_same_arguments_as_the_command_line():
    assert list(api.Options.__annotations__) == [name for name in ASK if name != "logs"]


@pytest.mark.parametrize("name", REPORTS)
def test_every_command_that_judges_is_a_function(name):
    takes = inspect.signature(getattr(api, name.replace("-", "_"))).parameters

    assert next(iter(takes)) == "logs"
    assert list(takes)[-1] == "options"


def test_python_and_the_command_line_ask_the_same(monkeypatch):
    got = []
    monkeypatch.setattr("mlops_cli.cli.commands.monitor.report", got.append)
    api.monitor("a", "b", segment=["s"], column={"x": "y"}, config=["c"], overlay=["o"], no_state=True)

    typed = {"logs": ["a", "b"], "segment": ["s"], "column": ["x=y"], "config": ["c"], "overlay": ["o"]}
    assert got == [ask(defaults(**typed, no_state=True))]
