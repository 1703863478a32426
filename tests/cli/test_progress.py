"""The bar on stderr."""

import io
import sys
import time

import pytest

from mlops_cli.cli.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("mlops_cli.cli.progress.time.monotonic", lambda: now[0])
    return now


def test_without_a_terminal_nobody_is_told(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress() as tick:
        assert tick is None


def test_quiet_is_quiet(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress(quiet=True) as tick:
        assert tick is None


def test_short_work_shows_nothing(monkeypatch, clock):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress() as tick:
        tick(1, 10)
        clock[0] += 0.9
        tick(9, 10)
        clock[0] += 5
        tick(10, 10)

    assert terminal.getvalue() == ""


def test_long_work_shows_how_far_it_is(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("mlops_cli.cli.progress.PATIENCE", 0.0)
    with progress() as tick:
        tick(500, 1_000)
        time.sleep(0.2)

    assert "0.5/1.0 kB" in terminal.getvalue()
