"""The README names what there is."""

import re
from pathlib import Path

import pytest

from mlops_cli.cli.registry import COMMANDS

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_stands_in_the_readme(name):
    group, _, sub = name.partition(" ")

    line = next((one for one in README.splitlines() if f"mlops {group}" in one), "")
    assert line
    assert not sub or re.search(rf"`(mlops {group} )?{sub}\b", line)


def test_the_readme_names_no_command_that_is_not_there():
    groups = {name.split()[0] for name in COMMANDS}

    assert set(re.findall(r"`mlops ([a-z][a-z-]*)", README)) <= groups


def test_every_file_that_the_readme_links_is_there():
    folder = Path(__file__).parents[2]

    assert all((folder / path).exists() for path in re.findall(r"\]\(([\w./-]+)\)", README))
