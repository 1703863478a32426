"""[notify]: addresses stand in the environment only."""

import pytest
from pydantic import ValidationError

from mlops_cli.config.notify import Notify


@pytest.mark.parametrize("key", ["webhook", "alertmanager", "heartbeat"])
def test_an_address_in_the_file_is_refused(key):
    with pytest.raises(ValidationError, match="env:NAME"):
        Notify(**{key: "https://hooks.example/secret"})


@pytest.mark.parametrize("text", ["env:", "env:A B", "env:1", "ENV:A", "env:A/x"])
def test_only_the_name_of_a_variable_will_do(text):
    with pytest.raises(ValidationError):
        Notify(urls=(text,))


def test_a_name_of_a_variable_is_taken():
    assert Notify(webhook="env:HOOK", urls=("env:MAIL",)).urls == ("env:MAIL",)
