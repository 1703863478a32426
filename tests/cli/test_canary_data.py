"""Real traffic: 27 seconds of nginx with a canary of 10 %, and the month of `sample_logs`."""

import os
from pathlib import Path

import numpy as np
import pytest

from mlops_cli.cli.arms import Arms
from mlops_cli.cli.ask import Ask
from mlops_cli.cli.commands.canary import report
from mlops_cli.stats.sequential import increments, log_e_total
from mlops_cli.stats.split import log_e_split

REFERENCE = os.environ.get("MLOPS_REFERENCE_DATA")
SAMPLE = Path(__file__).parents[2] / "sample_logs"


@pytest.fixture(scope="module")
def nginx():
    if not REFERENCE:
        pytest.skip("MLOPS_REFERENCE_DATA is not set")
    path = Path(REFERENCE) / "data" / "serving" / "nginx_canary" / "access.json.log"
    return report(Ask(paths=(str(path),), isolated=True, use_state=False), Arms("stable", "canary", "0.1"))


def code(said):
    return said.verdict.reason.partition(" — ")[0]


def test_twenty_seven_seconds_are_a_hold(nginx):
    assert (nginx.verdict.action.value, nginx.exit_code) == ("hold", 3)
    assert code(nginx).startswith("unknown:")
    assert nginx.judgement.unknown == len(nginx.details["rollout"]["metrics"])


def test_requests_without_an_id_all_go_one_way_and_are_named(nginx):
    odd = {
        f"{s['column']}={s['value']}" for s in nginx.details["rollout"]["health"]["strata"] if s["confounded"]
    }

    assert any(name.endswith("request_id=absent") for name in odd) or "path=/nope" in odd
    assert any("taken out of both arms" in n for n in nginx.notes)


def test_failures_of_the_stable_server_do_not_make_the_canary_better_without_a_word(nginx):
    reason = next(m for m in nginx.details["rollout"]["metrics"] if m["name"] == "error-rate")["reason"]

    assert "status 502 comes in the control only" in reason
    assert any("status 502" in n for n in nginx.notes)


def test_the_figures_of_the_specification():
    """All rows, those with an id, and the ten without; the evidence of safety with and without the 502s."""
    whole = log_e_split([305], [2747], 0.1)[-1], log_e_split([295], [2747], 0.1)[-1]

    assert whole == pytest.approx((-0.7, -0.6), abs=0.1)
    assert log_e_split([10], [0], 0.1)[-1] == pytest.approx(15.5, abs=0.1)
    assert np.log(2 / 0.01) == pytest.approx(5.3, abs=0.01)

    def safe(xb):
        return log_e_total(increments([1], [xb], [295], [2747], 1.10, -1), 0.001)

    assert (safe(52), safe(29)) == pytest.approx((2.1, 0.6), abs=0.1)


def test_the_month_of_the_sample_may_have_half_of_the_traffic():
    said = report(Ask(paths=(str(SAMPLE),), isolated=True, use_state=False), Arms("stable", "canary"))
    found = {m["name"]: m for m in said.details["rollout"]["metrics"]}

    assert (said.verdict.action.value, said.verdict.traffic, said.exit_code) == ("ramp", 0.5, 0)
    assert found["log-latency"]["verdict"] == "safe"
    assert {"error-rate", "null-rate", "redo-rate", "wrong-rate", "score"} <= set(found)
    assert found["wrong-rate"]["role"] == "watch"
