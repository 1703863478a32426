"""Drawings: where a line goes, what is marked, and that no number of a log can break one."""

import math
import re
import xml.etree.ElementTree as ET

import pytest

from mlops_cli.render.chart import HIGH, MOST, WIDE, Plot, bars, kept, line, meter, pair


def plot(values, levels=None, lines=None, **more):
    n = len(values)
    given = {
        "at": [(i + 0.5) / n for i in range(n)],
        "width": 1 / n,
        "values": values,
        "levels": levels or [None] * n,
        "lines": lines or [None] * n,
    }
    return Plot(**given | more)


def paths(svg):
    return {p.get("class"): p.get("d") for p in ET.fromstring(svg)}


def numbers(data):
    return [float(x) for x in re.findall(r"-?\d+(?:\.\d+)?", data)]


def test_a_greater_value_stands_higher():
    drawn = paths(line(plot([10.0, 20.0])))["value"]

    _, first, *_, last = numbers(drawn)
    assert last < first


def test_a_window_without_a_value_breaks_the_line():
    drawn = paths(line(plot([1.0, 2.0, None, 3.0])))["value"]

    assert drawn.count("M") == 2
    assert drawn.count("L") == 1


def test_windows_beyond_their_line_are_marked_in_their_level():
    levels = [None, "ok", "alarm", "warning", "ok"]
    drawn = paths(line(plot([1.0, 1, 9, 5, 1], levels, [None, 6, 6, 4, 6])))

    assert drawn["dot alarm"].count("h0") == 1
    assert drawn["dot warning"].count("h0") == 1
    assert {"incident alarm", "incident warning"} <= set(drawn)


def test_the_line_of_a_warning_stands_apart_from_that_of_an_alarm():
    levels = ["ok", "warning", "ok"]
    drawn = paths(line(plot([1.0, 5, 1], levels, [6.0, 4.0, 6.0])))

    assert drawn["bound"].count("M") == 1
    assert drawn["bound warning"].count("M") == 1


def test_the_band_holds_the_windows_before_the_judged_ones():
    values = [4.0, 6.0, 10.0, 0.0]
    drawn = paths(line(plot(values, [None, None, "ok", "ok"], baseline=2)))

    _, top, _, height, _ = numbers(drawn["band"])
    six, four = (numbers(paths(line(plot([*values[:2], 10.0, 0.0])))["value"])[i] for i in (4, 1))
    assert top == pytest.approx(six, abs=0.11)
    assert top + height == pytest.approx(four, abs=0.11)


def test_a_series_without_a_baseline_has_no_band():
    assert "band" not in paths(line(plot([1.0, 2.0], ["ok", "ok"], [3.0, 3.0])))


def test_of_many_windows_those_beyond_the_line_are_drawn():
    n = MOST * 10
    levels = ["ok"] * n
    levels[777] = "alarm"
    drawn = kept(plot([1.0] * n, levels))

    assert len(drawn) == MOST
    assert 777 in drawn


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, 1e300, -1e300, 5e-324, -0.0])
@pytest.mark.parametrize("level", [None, "ok", "alarm"])
def test_any_number_stays_within_the_drawing(value, level):
    svg = line(plot([1.0, value, 2.0], [level] * 3, [value] * 3, reference=value, line=value, baseline=1))

    for data in paths(svg).values():
        assert all(-1 <= x <= WIDE + 1 for x in numbers(data))


def test_a_constant_zero_lies_on_the_ground():
    _, at, *_ = numbers(paths(line(plot([0.0, 0.0])))["value"])

    assert at > HIGH / 2


def test_bars_are_as_high_as_their_shares():
    drawn = paths(bars([0.5, 0.5], [1.0, 0.0]))

    assert drawn["now"].count("M") == 1
    assert drawn["before"].count("V") == 3


def test_bars_without_a_baseline_have_no_outline():
    assert set(paths(bars([None, None], [0.5, 0.5]))) == {"now"}


def test_a_value_that_is_new_has_no_bar_of_the_baseline():
    assert set(paths(pair(0.0, 0.3, 0.3))) == {"now"}


@pytest.mark.parametrize(("used", "width"), [(0.5, WIDE / 2), (7.0, WIDE), (-1.0, 0.0), (None, 0.0)])
def test_a_meter_is_full_at_the_line(used, width):
    assert numbers(paths(meter(used))["used"])[2] == width
