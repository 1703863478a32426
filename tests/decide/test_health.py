from datetime import UTC, datetime

from mlops_cli.decide.health import health
from mlops_cli.result.exit_code import ExitCode
from mlops_cli.result.finding import Finding, Judgement, Level, Rule, Status
from mlops_cli.result.scope import Scope, Window
from mlops_cli.result.verdict import Action

DAY = datetime(2026, 10, 5, tzinfo=UTC)


def finding(code="drift", level=Level.ALARM, status=Status.OPEN, group="input"):
    return Finding(
        code=code, group=group, level=level, status=status, rule=Rule.FIXED, scope=Scope(field=code),
        window=Window(DAY, DAY), since=DAY, value=0.1, unit="share", n=500, low=None, high=None,
        reference=None, threshold=0.02, message=f"{code} is 0.1", advice=f"look at {code}",
    )  # fmt: skip


def verdict(*findings, code=ExitCode.PASS, checked=10, unknown=()):
    level = max((f.level for f in findings if f.status is Status.OPEN), default=Level.OK)
    return health(Judgement(level, checked, 0, findings), code, unknown)


def test_a_fault_comes_before_a_change_of_the_world():
    said = verdict(finding("drift"), finding("missing-rate"), code=ExitCode.FAIL)

    assert said.action == Action.FIX_PIPELINE
    assert said.reason.startswith("missing-rate is 0.1")
    assert "1 more alarm" in said.reason
    assert len(said.because) == 2


def test_a_change_of_the_world_alone_is_investigated():
    assert verdict(finding("drift"), code=ExitCode.FAIL).action == Action.INVESTIGATE


def test_a_software_alarm_is_a_fault():
    assert verdict(finding("latency-p99", group="software"), code=ExitCode.FAIL).action == Action.FIX_PIPELINE


def test_nothing_checked_holds_and_says_why():
    said = verdict(code=ExitCode.UNDECIDED, checked=0, unknown=("volume is unknown: no window",))

    assert said.action == Action.HOLD
    assert "volume is unknown" in said.reason


def test_an_open_warning_is_said_but_asks_for_nothing():
    said = verdict(finding("drift", Level.WARNING))

    assert said.action == Action.NONE
    assert "1 warning open" in said.reason


def test_recovered_findings_leave_it_healthy():
    said = verdict(finding(status=Status.RECOVERED))

    assert said.action == Action.NONE
    assert said.reason == "healthy: 1 finding, recovered"


def test_what_helps_stands_in_the_place_of_the_general_advice():
    lean = Judgement(Level.OK, 3, 5, ())
    said = health(lean, ExitCode.UNDECIDED, ("null-rate is unknown: fewer than 200 rows",), "--window 6h")

    assert (said.reason, said.next_step) == (
        "undecided: null-rate is unknown: fewer than 200 rows",
        "--window 6h",
    )
    assert "what could not be judged" in verdict(code=ExitCode.UNDECIDED).next_step


def test_without_a_baseline_nothing_is_called_healthy():
    verdict = health(Judgement(Level.OK, 11, 0), ExitCode.PASS, (), compared=False)

    assert "healthy" not in verdict.reason
    assert verdict.reason == "no fault in 11 checks, but nothing was compared: no baseline"
    assert "--baseline" in verdict.next_step
