import numpy as np
import pytest

from mlops_cli.config.settings import Line
from mlops_cli.judge.threshold import thresholds
from mlops_cli.result.finding import Level, Rule


def lines(bound, reference, direction="up"):
    found = thresholds(Line.model_validate({"alarm": bound}), direction)
    return [(t.rule, t.upward, float(t.at(np.array([reference]))[0])) for t in found]


@pytest.mark.parametrize(
    ("bound", "direction", "expected"),
    [
        (0.02, "up", (Rule.FIXED, True, 0.02)),
        (0.95, "down", (Rule.FIXED, False, 0.95)),
        ("+20%", "up", (Rule.RELATIVE, True, 0.6)),
        ("-20%", "up", (Rule.RELATIVE, False, 0.4)),
        ("+2pp", "up", (Rule.RELATIVE, True, 0.52)),
        ("-0.02", "down", (Rule.RELATIVE, False, 0.48)),
    ],
)
def test_a_bound_comes_to_a_line_on_its_side(bound, direction, expected):
    ((rule, upward, line),) = lines(bound, 0.5, direction)

    assert expected[:2] == (rule, upward)
    assert pytest.approx(expected[2]) == line


def test_a_share_of_a_negative_baseline_moves_away_from_it():
    assert pytest.approx(-0.4) == lines("+20%", -0.5)[0][2]


def test_two_bounds_are_two_lines_and_alarms_come_first():
    found = thresholds(Line.model_validate({"warn": 1.0, "alarm": ("-40%", "+40%")}), "both")

    assert [t.level for t in found] == [Level.ALARM, Level.ALARM, Level.WARNING]


def test_without_a_baseline_a_relative_line_is_nan_and_never_broken():
    (bound,) = thresholds(Line.model_validate({"alarm": "+20%"}), "up")
    line = bound.at(np.array([np.nan]))

    assert np.isnan(line).all()
    assert not bound.broken(np.array([5.0]), line).any()
