"""Where keys of a TOML text stand."""

import os
from pathlib import Path

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from mlops_cli.config.keys import key_lines

EXAMPLE = Path(os.environ.get("MLOPS_REFERENCE_DATA", "")) / "spec" / "mlops.example.toml"


def paths(table, path=()):
    for key, value in table.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from paths(value, (*path, key))


def test_tables_dotted_keys_and_inline_tables_have_their_lines():
    text = """
a.b = 1 # a.c = 2
"x y" . 'z' = "[t]"
[t] # [u]
many = [
  1, { no = 2 },
]
[t.deep]
line = { warn = 0.1,
  alarm = { adapt = "auto" } }
"""

    expected = {
        ("a",): 2,
        ("a", "b"): 2,
        ("x y",): 3,
        ("x y", "z"): 3,
        ("t",): 4,
        ("t", "many"): 5,
        ("t", "deep"): 8,
        ("t", "deep", "line"): 9,
        ("t", "deep", "line", "warn"): 9,
        ("t", "deep", "line", "alarm"): 10,
        ("t", "deep", "line", "alarm", "adapt"): 10,
    }
    found = key_lines(text)
    assert expected == {p: line for p, line in found.items() if "no" not in p}


def test_a_text_of_many_lines_that_looks_like_toml_is_no_key():
    text = 'a = """\n[t]\nb = 1\n"""\nc = 2'

    assert key_lines(text) == {("a",): 1, ("c",): 5}


def test_tables_of_an_array_are_numbered():
    text = "[[runs]]\nname = 1\n[[runs]]\n[runs.env]\nx = 1"

    found = key_lines(text)
    assert found["runs", "0", "name"] == 2
    assert found["runs", "1", "env", "x"] == 5


@given(st.text(alphabet="ab=[]{}\"'\n#., 1", max_size=60))
def test_it_ends_on_any_text_and_finds_every_key_of_a_valid_one(text):
    found = key_lines(text)
    try:
        values = tomli.loads(text)
    except tomli.TOMLDecodeError:
        return

    assert {p for p in paths(values) if not any(isinstance(v, list) for v in values.values())} <= set(found)


@pytest.mark.skipif(not EXAMPLE.is_file(), reason="MLOPS_REFERENCE_DATA names no folder with the example")
def test_every_key_of_the_example_stands_on_its_line():
    text = EXAMPLE.read_text(encoding="utf-8")
    lines = text.splitlines()

    found = key_lines(text)
    assert set(paths(tomli.loads(text))) == set(found)
    assert all(path[-1] in lines[line - 1] for path, line in found.items())
