"""One look at two arms: the words of each metric, and the cases that other judges pass wrongly."""

import json
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlops_cli.config.rollout import Rollout
from mlops_cli.decide.rollout import Rules, decide
from mlops_cli.judge.arm_tables import Tables, parts_of
from mlops_cli.judge.compare import compare, looks
from mlops_cli.profile.arms import ACTIVE, COUNTS, TRAFFIC, ArmCounts
from mlops_cli.result.comparison import Call

KAYENTA = json.loads(
    (Path(__file__).parents[1] / "oracle" / "data" / "kayenta_issue_cases.json").read_text()
)["issue_cases"]
MINUTE = 60_000_000
STATUSES = {"window": pl.Int64, "arm": pl.String, "stratum": pl.String, "status": pl.Int16, "n": pl.Float64}
RULES = Rules((0.01, 0.05, 0.1, 0.25, 0.5, 1.0), 5.0, 200, 10, 5, 86_400, "hold", "rollback", -np.log(0.01))


def counted(metrics, windows, traffic=(900.0, 100.0), strata=("",), columns=(), within=()):
    """metric → (n_control, s_control, q_control, n_treatment, s_treatment, q_treatment), each (windows, strata)."""
    rows = []
    given = {TRAFFIC: None, ACTIVE: None, **metrics}
    for name, values in given.items():
        for w in range(windows):
            for g, stratum in enumerate(strata):
                for k, arm in enumerate(("control", "treatment")):
                    n = s = q = traffic[k] / len(strata)
                    if values is not None:
                        n, s, q = (
                            float(np.broadcast_to(v, (windows, len(strata)))[w, g])
                            for v in values[3 * k : 3 * k + 3]
                        )
                    rows.append((name, w * MINUTE, arm, stratum, n, s, q))
    return ArmCounts(
        control="stable",
        treatment="canary",
        size=MINUTE,
        starts=tuple(range(0, windows * MINUTE, MINUTE)),
        counts=pl.DataFrame(rows, schema=COUNTS, orient="row"),
        statuses=pl.DataFrame(schema=STATUSES),
        strata=columns,
        within=within,
    )


def rate(n, x):
    return n, x, x


def bare(values):
    """One value a window."""
    v = np.array(values, float)[:, None]
    return np.ones_like(v), v, v * v


def look(counts, **settings):
    rollout = Rollout(warmup=0, lateness=0, **settings)
    tables = Tables(counts)

    return compare(tables, rollout, (), looks(counts, rollout))


def metric(found, name):
    return next(m for m in found.metrics if m.name == name)


def kayenta(case, times):
    """The values of a case as windows: latencies, or errors among a hundred requests each."""
    control, treatment = (np.tile(case[k], times) for k in ("control", "experiment"))
    if "sparse" in case["label"]:
        b, c = (rate(np.full((len(v), 1), 100.0), v[:, None].astype(float)) for v in (control, treatment))
        found = look(counted({"error-rate": (*b, *c)}, len(control)))
        return metric(found, "error-rate"), found
    found = look(counted({"log-latency": (*bare(np.log(control)), *bare(np.log(treatment)))}, len(control)))
    return metric(found, "log-latency"), found


@pytest.mark.parametrize("case", KAYENTA, ids=lambda c: c["label"])
def test_what_kayenta_passes_is_unknown_with_the_missing_n(case):
    found, comparison = kayenta(case, 1)

    assert found.verdict is Call.UNKNOWN
    assert found.needed is None or found.needed > 0
    assert found.needed or "units" in found.reason
    assert decide(comparison, RULES).verdict.action.value == "hold"


@pytest.mark.parametrize("case", KAYENTA[1:], ids=lambda c: c["label"])
def test_ten_times_over_it_is_harm(case):
    found, comparison = kayenta(case, 10)

    assert found.verdict is Call.HARM
    assert decide(comparison, RULES).verdict.action.value == "rollback"


def test_the_first_case_ten_times_over_is_still_no_pass():
    found, comparison = kayenta(KAYENTA[0], 10)

    assert not found.verdict.passes or found.upper < found.margin
    assert decide(comparison, RULES).verdict.action.value != "promote"


def test_no_event_and_no_absolute_margin_certifies_nothing():
    counts = counted({"error-rate": (*rate(9000.0, 0.0), *rate(1000.0, 0.0))}, 40)
    bare_ = look(counts, metrics={"error-rate": {"relative": 1.1}})
    with_margin = look(counts)

    assert metric(bare_, "error-rate").verdict is Call.UNKNOWN
    assert "nothing can be certified" in metric(bare_, "error-rate").reason
    assert metric(with_margin, "error-rate").verdict is Call.SAFE


def test_five_errors_against_none_are_enough():
    counts = counted({"error-rate": (*rate(9000.0, 0.0), *rate(1000.0, 5.0))}, 1)
    found = look(counts)

    assert metric(found, "error-rate").log_e_harm == pytest.approx(8.5706517 + np.log(0.5), abs=0.01)
    assert decide(found, RULES).verdict.action.value == "rollback"


def test_where_more_is_better_fewer_events_are_harm():
    counts = counted({"error-rate": (*rate(9000.0, 8000.0), *rate(1000.0, 700.0))}, 20)
    found = metric(
        look(counts, metrics={"error-rate": {"direction": "higher", "absolute": 0.01}}), "error-rate"
    )

    assert found.verdict is Call.HARM
    assert (found.control, found.treatment) == pytest.approx((8 / 9, 0.7))


def test_evidence_is_shared_over_guardrails():
    """One metric at the edge is not enough among five: the chance of a false rollback is of all of them."""
    edge = rate(1000.0, 12.0)
    calm = rate(1000.0, 5.0)
    one = look(counted({"error-rate": (*rate(9000.0, 45.0), *edge)}, 1))
    five = {
        n: (*rate(9000.0, 45.0), *calm)
        for n in ("null-rate", "redo-rate", "slow-share-p90", "slow-share-p99")
    }
    all_ = look(counted({"error-rate": (*rate(9000.0, 45.0), *edge), **five}, 1))

    assert all_.log_e_all < one.log_e_all


def test_a_stratum_within_which_arms_are_compared_cannot_mix_them():
    """Two regions, equal arms in each; the canary has more of the bad one."""
    strata = ("region=a", "region=b")
    n_b, n_c = np.array([[900.0, 100.0]]), np.array([[30.0, 70.0]])
    p = np.array([0.01, 0.10])
    values = (*rate(n_b, n_b * p), *rate(n_c, n_c * p))
    counts = counted({"error-rate": values}, 60, strata=strata, columns=("region",))
    mixed = metric(look(counts), "error-rate")
    apart = metric(
        look(counted({"error-rate": values}, 60, strata=strata, columns=("region",), within=("region",))),
        "error-rate",
    )

    assert mixed.verdict is Call.HARM
    assert apart.estimate == pytest.approx(0.0, abs=1e-12)
    assert apart.verdict is not Call.HARM


def test_values_may_hold_commas_and_equal_signs():
    columns = ("path", "id")

    assert parts_of("path=/a,b=c,id=absent", columns) == [("path", "/a,b=c"), ("id", "absent")]


def test_two_hundred_windows_five_metrics_and_twenty_segments_take_well_under_a_second():
    rng = np.random.default_rng(1)
    strata = tuple(f"s={k}" for k in range(20))
    n_b, n_c = np.full((200, 20), 450.0), np.full((200, 20), 50.0)
    rates = {
        name: (
            *rate(n_b, rng.binomial(450, 0.01, (200, 20)).astype(float)),
            *rate(n_c, rng.binomial(50, 0.01, (200, 20)).astype(float)),
        )
        for name in ("error-rate", "null-rate", "redo-rate", "slow-share-p90", "slow-share-p99")
    }
    counts = counted(rates, 200, strata=strata, columns=("s",), within=("s",), traffic=(9000.0, 1000.0))
    look(counts)  # scipy is imported once
    start = time.process_time()
    look(counts)

    assert time.process_time() - start < 1.0
