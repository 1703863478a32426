import doctest
import pkgutil
from importlib import import_module

import pytest

import mlops_cli.stats

MODULES = sorted(m.name for m in pkgutil.walk_packages(mlops_cli.stats.__path__, "mlops_cli.stats."))
WITH_EXAMPLES = {"bins", "cells", "contingency", "distinct", "ecdf", "evidence", "multiplicity", "proportion"}


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_docstrings_hold(name):
    result = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)

    assert result.failed == 0
    if name.rpartition(".")[2] in WITH_EXAMPLES and ".drift." not in name:
        assert result.attempted > 0
