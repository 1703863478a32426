import numpy as np
import pytest

from mlops_cli.config.alarms import Slo
from mlops_cli.config.settings import Settings
from mlops_cli.metrics.objectives import burn, objectives

SLO = Slo(good="status < 500", target=0.999, period="30d")
HOUR = 3_600.0


def burned(rates, length=HOUR, rows=10_000.0):
    rates = np.array(rates, float)
    return burn(SLO, length, rates * (1 - SLO.target) * rows, np.full(len(rates), rows))


@pytest.mark.parametrize(("rate", "alarm"), [(14.3, False), (14.5, True)])
def test_two_percent_of_the_budget_in_an_hour_is_an_alarm(rate, alarm):
    found = burned([0.0] * 100 + [rate])

    assert (found.speed[-1] >= 1) == alarm


@pytest.mark.parametrize(("rate", "alarm"), [(5.9, False), (6.1, True)])
def test_five_percent_in_six_hours_is_an_alarm(rate, alarm):
    found = burned([0.0] * 100 + [rate] * 6)

    assert (found.speed[-1] >= 1) == alarm


def test_ten_percent_in_three_days_is_a_warning():
    found = burned([0.0] * 24 + [1.01] * 72)

    assert 0.5 <= found.speed[-1] < 1


def test_what_has_stopped_burning_is_no_alarm_any_more():
    found = burned([0.0] * 100 + [40.0] + [0.0] * 2)

    assert (found.speed[100] >= 1, found.speed[102] >= 1) == (True, False)


def test_a_budget_that_is_spent_evenly_is_gone_at_the_end_of_the_period():
    found = burned([1.0] * 720)

    assert found.left[-1] == pytest.approx(0.0, abs=1e-9)
    assert found.left[359] == pytest.approx(0.5, abs=1e-9)


def test_a_window_without_rows_burns_nothing():
    found = burn(SLO, HOUR, np.zeros(3), np.zeros(3))

    assert found.speed.tolist() == [0.0, 0.0, 0.0]
    assert found.left.tolist() == [1.0, 1.0, 1.0]


def test_daily_windows_alarm_at_a_tenth_of_the_budget_a_day():
    found = burned([0.0] * 10 + [2.9, 3.1], length=86_400.0)

    assert (found.speed[-2:] >= 1).tolist() == [False, True]


def test_objectives_stand_with_the_lines_of_any_metric():
    slo = {"good": "status < 500", "target": 0.99}
    settings = Settings.model_validate({"metrics": {"software": {"error-rate": {"slo": slo}}}})

    assert objectives(settings) == {"error-rate": Slo(good="status < 500", target=0.99, period="30d")}
