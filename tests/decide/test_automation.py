"""Gates → degree, and the exit code."""

import pytest

from mlops_cli.decide.automation import ORDER, Run, degrees, supported, verdict
from mlops_cli.result.automation import Answer, Gate
from mlops_cli.result.verdict import Action

NAMES = {"shadow": "joined", "assisted": "quality", "partial": "certificate", "full": "remainder"}
RUN = Run(compared=True, threshold=0.9, everything=False, audit_share=0.02)


def gates(*more, **status):
    """One gate of evidence a degree, passing unless said otherwise, and further ones."""
    out = [
        Gate(
            name,
            degree,
            Answer(status.get(degree, "pass")),
            reason="" if degree not in status else f"no-{degree}",
        )
        for degree, name in NAMES.items()
    ]
    return (*out, *more)


def running(name, degree, status, reason=""):
    return Gate(name, degree, Answer(status), evidence=False, reason=reason)


@pytest.mark.parametrize("barred", ["shadow", "assisted", "partial", "full"])
def test_the_degree_below_the_first_barred_one_is_supported(barred):
    found, bars = supported(gates(**{barred: "fail"}))

    assert found == ORDER[ORDER.index(barred) - 1]
    assert [g.degree for g in bars] == [barred]


def test_what_the_logs_cannot_measure_holds_nothing_up():
    free = Gate("latency", "shadow", Answer.UNKNOWN, reason="not-measured")

    assert supported(gates(free))[0] == "full"


@pytest.mark.parametrize("current", ORDER[:-1])
def test_one_step_up_at_most(current):
    said, undecided = degrees(gates(), current)

    assert ORDER.index(said.recommended) == ORDER.index(current) + 1
    assert not undecided


def test_how_it_is_run_bounds_what_is_recommended_not_what_is_supported():
    said, _ = degrees(gates(running("confirm", "partial", "unknown", "confirm")), "assisted")

    assert (said.supported, said.recommended, said.reason) == ("full", "assisted", ("confirm",))


def test_back_at_once_and_as_far_as_needed():
    said, undecided = degrees(gates(assisted="fail", partial="fail"), "full")
    found, code = verdict(gates(assisted="fail", partial="fail"), said, RUN, undecided=undecided)

    assert (said.recommended, code, found.action) == ("shadow", 1, Action.SET_DEGREE)


def test_an_unknown_keeps_the_degree_and_is_undecided():
    said, undecided = degrees(gates(partial="unknown"), "partial")
    found, code = verdict(gates(partial="unknown"), said, RUN, undecided=undecided)

    assert (said.supported, said.recommended) == ("assisted", "partial")
    assert (code, found.action) == (3, Action.HOLD)


def test_an_alarm_of_the_audits_lowers_an_automated_degree_whose_evidence_holds():
    alarm = running("audits", "full", "fail", "audit-alarm")

    assert degrees(gates(alarm), "partial")[0].recommended == "assisted"
    assert degrees(gates(alarm), "assisted")[0].recommended == "partial"


def test_what_is_asked_for_fails_the_run():
    said, undecided = degrees(gates(partial="fail"), "shadow")
    low = Run(True, 0.9, False, 0.02, minimum="partial", least_agreement=0.9, agreement=0.8)
    found, code = verdict(gates(partial="fail"), said, low, undecided=undecided)

    assert code == 1
    assert "--min-degree partial" in found.reason
    assert "--min-agreement 90.0 %" in found.reason


def test_nothing_compared_is_undecided():
    said, undecided = degrees(gates(), "shadow")
    found, code = verdict(gates(), said, Run(False, None, False, 0.02), undecided=undecided)

    assert (code, found.reason) == (3, "nothing could be compared")
