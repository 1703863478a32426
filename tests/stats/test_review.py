"""The worked examples of `spec/alarms.md` 8."""

import numpy as np
import pytest

from mlops_cli.stats.review import Incident, first_window, review, windows_until

HOURS = 24 * 180
REAL = [Incident(1000, 1003, "real"), Incident(3000, 3001, "real")]


def test_heavy_tails_at_three_sigma_are_a_conflict():
    u = np.random.default_rng(3).standard_t(4, size=HOURS)
    u[1000:1004] += 14
    u[3000:3002] += 12
    found = review(u, REAL, 3.0, 8766, 0.5, 24)

    assert found.proposal == "conflict"
    assert found.now.false_alarms == pytest.approx(382, abs=1)
    assert (found.now.low, found.now.high) == pytest.approx((343, 426), abs=12)
    assert found.now.found == 1.0
    assert found.at_promise.width == pytest.approx(14.5, abs=0.05)
    assert found.at_promise.found == 0.5


def test_a_line_that_never_alarms_is_tightened():
    rng = np.random.default_rng(3)
    rng.standard_t(4, size=HOURS)
    u = rng.normal(size=HOURS)
    u[1000:1004] += 6.5
    u[3000:3002] += 7
    found = review(u, REAL, 12.0, 8766, 0.5, 24)

    assert found.proposal == "tighten"
    assert found.now.false_alarms == pytest.approx(0, abs=1e-6)
    assert found.now.found == 0.0
    assert found.proposed.width == pytest.approx(4.38, abs=0.01)
    assert found.proposed.false_alarms == pytest.approx(0.5, rel=1e-6)
    assert found.proposed.found == 1.0


def test_a_line_that_keeps_its_promise_is_kept():
    u = np.random.default_rng(5).normal(size=HOURS)
    width = review(u, [], 3.0, 8766, 0.5, 24).at_promise.width

    assert review(u, [], width, 8766, 0.5, 24).proposal == "keep"


def test_a_line_that_alarms_too_often_is_loosened_without_losing_a_real_one():
    u = np.random.default_rng(6).normal(size=HOURS)
    u[1000:1003] += 9
    found = review(u, [Incident(1000, 1002, "real")], 3.0, 8766, 0.5, 24)

    assert found.proposal == "loosen"
    assert found.proposed.found == 1.0
    assert found.proposed.false_alarms == pytest.approx(0.5, rel=1e-6)


def test_power_of_both_eyes():
    assert first_window(4.0, 4.0) == pytest.approx(0.5)
    assert windows_until(8766, 2.0) == pytest.approx(np.log(4 * 8766) / (1.4 * 1.8 - 0.98))
    assert windows_until(8766, 0.1) == float("inf")
