"""The order of the rules: harm before everything that waits, nothing unknown passes."""

from dataclasses import replace

import pytest

from mlops_cli.decide.blue_green import phase_of, ready, watch
from mlops_cli.decide.rollout import Rules, decide
from mlops_cli.result.comparison import (
    Call,
    Compared,
    Comparison,
    Evidence,
    Health,
    State,
    Stratum,
)

STEPS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
RULES = Rules(STEPS, 5.0, 200, 10, 5, 86_400, "hold", "rollback", 4.6)
SAFE = Compared(
    "error-rate", "guardrail", "lower", Call.SAFE, "fine", shares=STEPS, n_control=900, n_treatment=100
)
HARM = replace(SAFE, verdict=Call.HARM, reason="worse", shares=(), culprit=True)
UNKNOWN = replace(
    SAFE, name="log-latency", verdict=Call.UNKNOWN, reason="not yet", shares=(0.01, 0.05), eta=40
)


def found(*metrics, **changes):
    base = Comparison(
        control="stable",
        treatment="canary",
        evidence=Evidence.CONCURRENT,
        metrics=metrics or (SAFE,),
        health=Health(State.OK),
        share=0.05,
        log_e_all=6.0 if any(m.verdict is Call.HARM for m in metrics) else -1.0,
        windows=("", ""),
        n_windows=50,
        silent={"canary": 0, "stable": 0},
        units_in_step=500,
        windows_in_step=20,
        elapsed=3_600,
        window_seconds=60,
        excluded={},
    )
    return replace(base, **changes)


def said(comparison, rules=RULES):
    verdict = decide(comparison, rules).verdict
    return verdict.action.value, verdict.reason.partition(" — ")[0]


def test_it_grows_by_at_most_five():
    assert decide(found(), RULES).verdict.traffic == 0.25
    assert decide(found(share=0.25), RULES).verdict.action.value == "promote"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"silent": {"canary": -1, "stable": 0}}, "no-traffic"),
        ({"silent": {"canary": 0, "stable": 6}}, "no-traffic"),
        ({"health": Health(State.SRM)}, "srm"),
        ({"health": Health(State.CONTAMINATED)}, "contaminated"),
        ({"units_in_step": 199}, "warming-up"),
        ({"windows_in_step": 9}, "warming-up"),
        ({"missing": {"null-rate": "no log has it"}}, "missing:null-rate"),
        ({"metrics": ()}, "missing:guardrail"),
        ({"metrics": (), "evidence": Evidence.ABSOLUTE}, "no-limits"),
        ({"metrics": (replace(SAFE, n_treatment=0),)}, "missing:error-rate"),
        ({"metrics": (SAFE, UNKNOWN)}, "unknown:log-latency"),
        ({"metrics": (SAFE, UNKNOWN), "elapsed": 90_000}, "time-limit"),
    ],
)
def test_every_reason_to_hold(changes, reason):
    assert said(found(**changes)) == ("hold", reason)


def test_a_confounded_stratum_that_held_errors_holds():
    odd = Stratum("path", "/batch", 0, 50, 1.0, 0.05, 20.0, 5.3, confounded=True, held_errors=0.3)

    assert said(found(health=Health(State.CONFOUNDED, strata=(odd,)))) == ("hold", "confounded:path=/batch")


@pytest.mark.parametrize(
    "changes",
    [
        {"health": Health(State.SRM)},
        {"units_in_step": 1},
        {"elapsed": 90_000},
        {"missing": {"null-rate": "x"}},
    ],
)
def test_harm_waits_for_nothing(changes):
    assert said(found(HARM, **changes)) == ("rollback", "harm:error-rate")


def test_harm_of_a_metric_that_is_only_watched_decides_nothing():
    watched = replace(HARM, name="score", role="watch")

    assert said(found(SAFE, watched, log_e_all=-1.0))[0] == "ramp"


def test_freeze_holds_where_a_rollback_stands():
    assert said(found(HARM), replace(RULES, on_harm="freeze")) == ("hold", "harm:error-rate")


def test_a_hard_limit_needs_two_windows():
    assert said(found(replace(SAFE, hard=1)))[0] == "ramp"
    assert said(found(replace(SAFE, hard=2))) == ("rollback", "hard-limit:error-rate")


def test_the_last_step_is_for_what_was_promised():
    success = replace(SAFE, name="redo-rate", role="success")

    assert said(found(SAFE, success, share=0.5)) == ("hold", "unknown:redo-rate")
    assert said(found(SAFE, replace(success, verdict=Call.BETTER), share=0.5))[0] == "promote"


def test_a_timeout_can_roll_back():
    rules = replace(RULES, on_timeout="rollback")

    assert said(found(SAFE, UNKNOWN, elapsed=90_000), rules)[0] == "rollback"


def test_a_hold_says_when_more_is_known():
    assert decide(found(SAFE, UNKNOWN), RULES).eta == 40
    never = decide(found(SAFE, replace(UNKNOWN, eta=None)), RULES)

    assert never.eta is None
    assert "raise the share" in never.verdict.next_step


ANSWERS = {"verdict": "safe", "said": "1 of 500 answers differ"}


def test_ready_needs_pairs_guardrails_and_answers():
    paired = found(evidence=Evidence.PAIRED)

    assert ready(paired, ANSWERS, RULES).verdict.action.value == "ready"
    assert ready(replace(paired, units_in_step=0), ANSWERS, RULES).verdict.reason.startswith("no-pairs")
    assert ready(found(HARM), ANSWERS, RULES).verdict.action.value == "not-ready"
    assert ready(paired, {**ANSWERS, "verdict": "harm"}, RULES).verdict.action.value == "not-ready"
    assert ready(paired, {**ANSWERS, "verdict": "unknown"}, RULES).verdict.reason.startswith(
        "unknown:answers"
    )
    assert ready(found(SAFE, UNKNOWN), ANSWERS, RULES).verdict.reason.startswith("unknown:log-latency")


def test_the_old_version_goes_when_it_was_watched_and_all_is_known():
    after = found(share=0.98, windows_in_step=60)

    assert watch(after, RULES, 60).verdict.action.value == "remove-old"
    assert watch(replace(after, windows_in_step=59), RULES, 60).verdict.reason.startswith("watching")
    assert (
        watch(found(SAFE, UNKNOWN, share=0.98, windows_in_step=60), RULES, 60).verdict.action.value == "hold"
    )
    assert watch(found(HARM, share=0.98), RULES, 60).verdict.action.value == "rollback"
    assert watch(found(share=0.98, silent={"stable": 9}), RULES, 60).verdict.action.value == "hold"


def test_the_phase_follows_the_traffic():
    assert phase_of(found(share=0.5), pairs=100, alone=0) == "ready"
    assert phase_of(found(share=0.5), pairs=0, alone=100) == "switch"
    assert phase_of(found(share=0.98), pairs=0, alone=100) == "watch"
