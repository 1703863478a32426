"""The helper that asks, for all tests of this folder; all of it needs the extra `serve`."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra `serve` is not installed")


@pytest.fixture(scope="session")
def ask():
    spec = importlib.util.spec_from_file_location("asking", Path(__file__).parent / "asking.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ask
