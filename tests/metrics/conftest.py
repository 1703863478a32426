"""The maker of profiles, for the tests of this folder."""

import importlib.util
from pathlib import Path

import pytest

from mlops_cli.metrics.measure import measure


def load():
    spec = importlib.util.spec_from_file_location("metric_profiles", Path(__file__).with_name("profiles.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def make():
    return load()


@pytest.fixture(scope="session")
def take(make):
    """Rows (dicts, in order) of one metric."""

    def rows(code, *args, **how):
        return measure(make.context(*args, **how), [code]).to_dicts()

    return rows
