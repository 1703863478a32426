"""Starts of windows: those that the window itself says of each time, however far the times lie apart."""

import numpy as np
import pytest

from mlops_cli.profile.clock import DAY, starts_of
from mlops_cli.profile.spec import WindowSpec

RNG = np.random.default_rng(1)
CLOSE = RNG.integers(20_000 * DAY, 20_060 * DAY, 300)
FAR = np.array([-40_000 * DAY - 1, 20_000 * DAY, 2_900_000 * DAY + 5])


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize("seconds", [86_400, 7 * 86_400])
@pytest.mark.parametrize("times", [CLOSE, FAR, np.concatenate([FAR, CLOSE]), CLOSE[:1]])
def test_each_time_is_in_the_window_that_holds_it(times, seconds, zone):
    window = WindowSpec(seconds, timezone=zone)

    assert [window.start_of(int(t)) for t in times] == starts_of(times, window).tolist()
