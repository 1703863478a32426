"""The reports that several rooms' tests share, and the option that rewrites golden files."""

import importlib.util
from pathlib import Path

import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden/*, to be read as a diff"
    )


@pytest.fixture(scope="session")
def reports():
    """Module of reports made by hand: `report()`, `empty()`, `odd()` ..."""
    path = Path(__file__).parent / "golden" / "example.py"
    spec = importlib.util.spec_from_file_location("example_reports", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
