"""The board of a dashboard: it fits its terminal, and the verdict is always on it."""

import pytest
from rich.cells import cell_len
from rich.console import Console

from mlops_cli.render.board import board
from mlops_cli.render.look import Look


def shown(report, width=100, height=30, **more):
    console = Console(width=width, legacy_windows=False)
    return [line.plain for line in board(report, Look(width, wrapper=console, **more), height)]


@pytest.mark.parametrize("kind", ["empty", "healthy", "odd", "numberless", "huge", "whole"])
@pytest.mark.parametrize(("width", "height"), [(40, 8), (60, 16), (80, 24), (200, 60)])
def test_it_fits_any_terminal(kind, width, height, reports):
    lines = shown(reports.ODD[kind](), width, height)

    assert len(lines) <= height
    assert max(cell_len(line) for line in lines) <= width


def test_the_verdict_comes_first_then_the_vital_numbers_then_what_is_open(reports):
    text = "\n".join(shown(reports.report()))
    order = ["FAIL  fix-pipeline", "throughput", "latency p99", "missing input", "Open: 2 alarms, 2 warnings"]

    assert sorted(text.index(words) for words in order) == [text.index(words) for words in order]


def test_people_are_told_what_share_of_outputs_is_there(reports):
    line = next(x for x in shown(reports.report()) if "non-null output" in x)

    assert "99.9 %" in line
    assert "98 %" in line


def test_bars_fill_what_is_left(reports):
    line = next(x for x in shown(reports.report()) if "volume" in x)

    assert len(line) == 100
    assert "…" not in line


def test_a_small_terminal_shows_numbers_rather_than_findings(reports):
    lines = shown(reports.report(), height=9)

    assert lines[0].startswith("█ FAIL")
    assert not any("Open:" in line for line in lines)


def test_without_glyphs_it_is_ascii(reports):
    assert "\n".join(shown(reports.report(), glyphs=False)).replace("–", "-").isascii()
