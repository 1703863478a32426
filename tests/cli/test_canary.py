"""Two arms in real log files: every case has a clear answer, and none that is not known passes."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mlops_cli.cli.arms import Arms
from mlops_cli.cli.ask import Ask
from mlops_cli.cli.commands.canary import report
from mlops_cli.cli.main import run
from mlops_cli.errors import UsageError

START = datetime(2026, 10, 1, tzinfo=UTC)
ARMS = Arms("stable", "canary")


def requests(windows=40, n=500, share=0.1, errors=(0.01, 0.01), latency=(100.0, 100.0), seed=1, **more):
    """Some minutes of an access log, `errors` and `latency` of control and treatment."""
    rng = np.random.default_rng(seed)
    total = windows * n
    seconds = np.sort(rng.uniform(0, windows * 60, total))
    treated = rng.random(total) < share
    rate = np.where(treated, errors[1], errors[0])
    frame = pl.DataFrame(
        {
            "request_id": pl.int_range(total, eager=True).cast(pl.String),
            "timestamp": pl.Series((seconds * 1e6).astype(np.int64)).cast(pl.Duration("us")) + START,
            "variant": np.where(treated, "canary", "stable"),
            "status": np.where(rng.random(total) < rate, 500, 200),
            "latency_ms": rng.lognormal(np.log(np.where(treated, latency[1], latency[0])), 0.5),
            "path": ["/predict"] * total,
        }
    )
    return frame.with_columns(**more)


def write(frame, folder, name="access.parquet"):
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / name)
    return folder


def judged(frame, folder, arms=ARMS, **options):
    given = {"isolated": True, "use_state": False, "window": "1min", **options}
    return report(Ask(paths=(str(write(frame, folder / "logs")),), **given), arms)


def code(said):
    return said.verdict.reason.partition(" — ")[0]


def metric(said, name):
    return next(m for m in said.details["rollout"]["metrics"] if m["name"] == name)


def test_a_release_like_the_old_one_is_given_more(tmp_path):
    said = judged(requests(windows=60, n=2000), tmp_path)

    assert (said.verdict.action.value, said.verdict.traffic, said.exit_code) == ("ramp", 0.5, 0)
    assert said.details["rollout"]["current_share"] == 0.1


def test_three_times_the_errors_are_rolled_back_and_named(tmp_path):
    said = judged(requests(errors=(0.01, 0.04)), tmp_path)

    assert (said.verdict.action.value, code(said), said.exit_code) == ("rollback", "harm:error-rate", 1)
    assert [f.id for f in said.judgement.findings] == ["error-rate///canary//"]
    assert metric(said, "error-rate")["culprit"]


def test_frozen_instead_of_rolled_back(tmp_path):
    said = judged(requests(errors=(0.01, 0.04)), tmp_path, config=('rollout.on_harm = "freeze"',))

    assert (said.verdict.action.value, code(said), said.exit_code) == ("hold", "harm:error-rate", 3)


def test_a_little_worse_within_its_margin_does_not_stop_a_ramp(tmp_path):
    said = judged(requests(windows=100, n=2000, share=0.3, latency=(100.0, 102.0)), tmp_path)

    assert metric(said, "log-latency")["verdict"] == "worse-within-margin"
    assert said.verdict.action.value in {"ramp", "promote"}


def test_early_on_it_is_warming_up_with_an_eta(tmp_path):
    said = judged(requests(windows=8, n=200), tmp_path)

    assert (said.verdict.action.value, code(said), said.exit_code) == ("hold", "warming-up", 3)
    assert said.details["rollout"]["eta_windows"] >= 2


def test_undecided_can_be_a_pass_or_a_failure(tmp_path):
    frame = requests(windows=8, n=200)

    assert judged(frame, tmp_path, undecided="pass").exit_code == 0
    assert judged(frame, tmp_path, undecided="fail").exit_code == 1


def test_no_row_of_the_treatment_is_no_traffic(tmp_path):
    said = judged(requests(), tmp_path, Arms("stable", "canry"))

    assert (code(said), said.exit_code) == ("no-traffic", 3)
    assert "no row of treatment 'canry'; arms seen: canary, stable; is it 'canary'?" in said.notes


def test_traffic_that_stops_is_no_traffic_whatever_came_before(tmp_path):
    frame = requests(windows=60, n=2000)
    late = pl.col("timestamp") >= START + timedelta(minutes=50)
    said = judged(frame.filter(~late | (pl.col("variant") == "stable")), tmp_path)

    assert (code(said), said.exit_code) == ("no-traffic", 3)


def test_one_arm_only_is_no_traffic(tmp_path):
    frame = requests().with_columns(variant=pl.lit("canary"))
    said = judged(frame, tmp_path)

    assert (code(said), said.exit_code) == ("no-traffic", 3)


def test_a_metric_that_one_arm_lacks_is_missing(tmp_path):
    gone = pl.when(pl.col("variant") == "stable").then(pl.col("latency_ms"))
    said = judged(requests(windows=60, n=2000, latency_ms=gone), tmp_path)

    assert (code(said), said.exit_code) == ("missing:log-latency", 3)
    assert metric(said, "log-latency")["verdict"] == "unknown"


def test_a_guardrail_that_was_asked_for_and_is_not_logged_is_missing(tmp_path):
    said = judged(
        requests(windows=60, n=2000), tmp_path, config=('rollout.metrics.null-rate.role = "guardrail"',)
    )

    assert (code(said), said.exit_code) == ("missing:null-rate", 3)


def test_a_split_as_planned_is_ok_and_another_one_holds(tmp_path):
    frame = requests(windows=60, n=2000)
    good = judged(frame, tmp_path, Arms("stable", "canary", "0.1"))
    bad = judged(frame, tmp_path, Arms("stable", "canary", "0.12"))

    assert good.details["rollout"]["health"]["state"] == "ok"
    assert good.verdict.action.value == "ramp"
    assert (code(bad), bad.exit_code) == ("srm", 3)


def test_a_split_that_is_wrong_does_not_hide_harm(tmp_path):
    said = judged(requests(errors=(0.01, 0.05)), tmp_path, Arms("stable", "canary", "0.2"))

    assert said.verdict.action.value == "rollback"
    assert said.details["rollout"]["health"]["state"] == "srm"


def two_steps():
    """A share that goes from 5 to 20 % in minute 60."""
    a = requests(windows=60, n=2000, share=0.05)
    b = requests(windows=60, n=2000, share=0.2, seed=2).with_columns(
        pl.col("timestamp") + timedelta(hours=1), request_id=pl.lit("s") + pl.col("request_id")
    )
    return pl.concat([a, b])


def test_a_share_changed_by_hand_is_a_mismatch_until_the_plan_says_so(tmp_path):
    frame = two_steps()
    plain = judged(frame, tmp_path, Arms("stable", "canary", "0.05"))
    told = judged(frame, tmp_path, Arms("stable", "canary", "0.05,0.2@2026-10-01T01:00"))

    assert code(plain) == "srm"
    assert told.details["rollout"]["health"]["state"] == "ok"
    assert (told.details["rollout"]["current_share"], told.details["rollout"]["windows_in_step"]) == (0.2, 59)


def test_without_a_plan_a_step_of_the_share_is_named(tmp_path):
    said = judged(two_steps(), tmp_path)

    assert said.details["rollout"]["health"]["state"] == "untested"
    assert any("changed from 5." in n and "to 20." in n for n in said.notes)


def test_an_arm_that_appears_late_is_compared_from_then_on(tmp_path):
    frame = requests(windows=60, n=2000)
    early = pl.col("timestamp") < START + timedelta(minutes=30)
    said = judged(frame.filter(~early | (pl.col("variant") == "stable")), tmp_path)
    found = said.details["rollout"]

    assert found["windows"][0] == "2026-10-01T00:32:00Z"
    assert found["windows_in_step"] == 27


def test_a_new_start_forgets_the_one_before(tmp_path):
    bad = requests(windows=30, n=2000, errors=(0.01, 0.05))
    gap = requests(windows=20, n=2000, share=0.0, seed=2)
    good = requests(windows=40, n=2000, seed=3)
    frames = [
        f.with_columns(
            pl.col("timestamp") + timedelta(minutes=m), request_id=pl.lit(f"{m}-") + pl.col("request_id")
        )
        for f, m in ((bad, 0), (gap, 30), (good, 50))
    ]
    said = judged(pl.concat(frames), tmp_path)

    assert said.verdict.action.value in {"ramp", "hold"}
    assert any("stopped and came again" in n for n in said.notes)


def test_records_shipped_twice_count_once(tmp_path):
    frame = requests()
    once = judged(frame, tmp_path / "a")
    twice = judged(pl.concat([frame, frame]), tmp_path / "b")

    assert twice.details["rollout"]["metrics"] == once.details["rollout"]["metrics"]
    assert any("20,000 records repeat another one exactly" in n for n in twice.notes)


def test_a_clock_that_goes_backwards_changes_nothing(tmp_path):
    frame = requests()
    sorted_ = judged(frame, tmp_path / "a")
    mixed = judged(frame.sample(fraction=1, shuffle=True, seed=1), tmp_path / "b")

    assert mixed.details["rollout"] == sorted_.details["rollout"]


def test_a_wrong_clock_does_not_stretch_the_windows(tmp_path):
    frame = requests()
    wrong = frame.head(3).with_columns(
        timestamp=pl.lit(datetime(2031, 1, 1, tzinfo=UTC)).cast(pl.Datetime("us", "UTC"))
    )
    said = judged(
        pl.concat([frame.with_columns(pl.col("timestamp").cast(pl.Datetime("us", "UTC"))), wrong]), tmp_path
    )

    assert said.details["rollout"]["n_windows"] == 37
    assert any("3 rows have times far outside" in n for n in said.notes)


def test_users_who_always_meet_the_same_arm_are_counted_as_users(tmp_path):
    rng = np.random.default_rng(5)
    user = rng.integers(0, 400, 40 * 500)
    arm = np.where(user < 60, "canary", "stable")
    frame = requests(
        user_id=pl.Series([f"u{u}" for u in user]), variant=pl.Series(arm), prediction=pl.lit("x")
    )
    said = judged(frame.drop("path"), tmp_path)

    assert said.details["rollout"]["unit"] == "user_id"


def test_units_that_meet_both_arms_are_contamination(tmp_path):
    rng = np.random.default_rng(5)
    frame = requests(windows=60, n=2000, user_id=pl.Series([f"u{u}" for u in rng.integers(0, 400, 120_000)]))
    said = judged(
        frame.with_columns(prediction=pl.lit("x")).drop("path"),
        tmp_path,
        Arms("stable", "canary", unit="user_id"),
    )

    assert (code(said), said.exit_code) == ("contaminated", 3)


def test_a_stratum_routed_one_way_is_taken_out_and_holds_where_it_held_the_errors(tmp_path):
    frame = requests(windows=60, n=2000)
    rng = np.random.default_rng(3)
    odd = pl.Series(rng.random(frame.height) < 0.01)
    frame = frame.with_columns(
        path=pl.when(odd).then(pl.lit("/batch")).otherwise("path"),
        variant=pl.when(odd).then(pl.lit("canary")).otherwise("variant"),
    )
    harmless = judged(frame, tmp_path / "a")
    failing = judged(frame.with_columns(status=pl.when(odd).then(500).otherwise("status")), tmp_path / "b")

    assert harmless.verdict.action.value == "ramp"
    assert [s["value"] for s in harmless.details["rollout"]["health"]["strata"] if s["confounded"]] == [
        "/batch"
    ]
    assert code(failing) == "confounded:path=/batch"


def test_a_status_of_one_arm_only_is_named(tmp_path):
    frame = requests(windows=60)
    bad = pl.when((pl.col("variant") == "stable") & (pl.col("status") == 500)).then(502).otherwise("status")
    said = judged(frame.with_columns(status=bad), tmp_path)

    assert any("status 502 comes in the control only" in n for n in said.notes)
    assert "lifts the evidence of safety" in metric(said, "error-rate")["reason"]


def test_a_new_capability_needs_a_limit_and_is_then_ramped_against_it(tmp_path):
    frame = requests(windows=60, n=500, errors=(0.0, 0.005)).filter(pl.col("variant") == "canary")
    none = judged(frame, tmp_path, Arms(treatment="canary", share="0.1"))
    held = judged(
        frame,
        tmp_path,
        Arms(treatment="canary", share="0.1"),
        config=("rollout.metrics.error-rate.limit = 0.02",),
    )

    assert (code(none), none.exit_code) == ("no-limits", 3)
    assert (held.verdict.action.value, held.verdict.traffic) == ("ramp", 0.5)
    assert held.details["rollout"]["evidence"] == "absolute"
    assert any("evidence is absolute" in c for c in held.details["rollout"]["choices"])


def test_a_new_capability_beyond_its_limit_is_rolled_back(tmp_path):
    frame = requests(windows=60, n=500, errors=(0.0, 0.06)).filter(pl.col("variant") == "canary")
    said = judged(
        frame,
        tmp_path,
        Arms(treatment="canary", share="0.1"),
        config=("rollout.metrics.error-rate.limit = 0.02",),
    )

    assert (said.verdict.action.value, code(said)) == ("rollback", "harm:error-rate")


def test_success_is_shown_before_all_traffic(tmp_path):
    frame = requests(windows=60, n=2000, share=0.5)
    settings = ('rollout.metrics.error-rate.role = "success"',)
    said = judged(frame, tmp_path / "a", config=settings)
    better = judged(
        requests(windows=60, n=2000, share=0.5, errors=(0.02, 0.01)), tmp_path / "b", config=settings
    )

    assert (said.verdict.action.value, code(said)) == ("hold", "unknown:error-rate")
    assert better.verdict.action.value == "promote"


def test_a_hard_limit_in_two_windows_rolls_back_at_once(tmp_path):
    frame = requests(windows=12, n=400, share=0.5)
    late = pl.col("timestamp") >= START + timedelta(minutes=9)
    frame = frame.with_columns(
        status=pl.when(late & (pl.col("variant") == "canary")).then(500).otherwise("status")
    )
    said = judged(frame, tmp_path, config=("rollout.metrics.error-rate.hard_limit = 0.5",))

    assert (said.verdict.action.value, code(said)) == ("rollback", "hard-limit:error-rate")


def test_after_the_longest_time_it_holds_with_that_reason(tmp_path):
    frame = requests(windows=60, n=60)
    said = judged(frame, tmp_path, config=('rollout.max_time = "30min"',))
    back = judged(frame, tmp_path, config=('rollout.max_time = "30min"', 'rollout.on_timeout = "rollback"'))

    assert code(said) == "time-limit"
    assert back.verdict.action.value == "rollback"


def test_the_same_logs_give_the_same_bytes(tmp_path):
    frame = requests()
    logs = str(write(frame, tmp_path / "logs"))
    ask = Ask(paths=(logs,), isolated=True, use_state=False, window="1min", now="2026-10-01T00:40")
    one, two = (report(ask, ARMS).to_dict() for _ in range(2))

    assert json.dumps(one) == json.dumps(two)


def test_replay_says_the_verdict_after_every_window(tmp_path):
    said = judged(requests(errors=(0.01, 0.05)), tmp_path, Arms("stable", "canary", replay=True))
    actions = [row[2] for row in said.table("replay").rows]

    assert len(actions) == 39
    assert actions[0] == "hold"
    assert actions[-1] == said.verdict.action.value == "rollback"


def test_a_plan_says_how_long_it_takes_before_there_is_a_treatment(tmp_path):
    frame = requests(windows=60, n=2000).filter(pl.col("variant") == "stable")
    said = judged(frame, tmp_path, Arms("stable", "canary", plan=True))
    plan = said.details["rollout"]["plan"]

    assert code(said) == "no-traffic"
    assert 0 < plan["first_share"] <= 0.01
    assert plan["steps"]["0.5"]["error-rate"] < plan["steps"]["0.05"]["error-rate"]


def test_nothing_that_tells_the_arms_apart_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="nothing tells the arms apart"):
        judged(requests().drop("variant"), tmp_path, Arms())
    with pytest.raises(UsageError, match="which of 3 arms"):
        judged(requests(variant=pl.Series(["a", "b", "c", "a"] * 5000)), tmp_path / "b", Arms())


@pytest.mark.parametrize("share", ["5", "x", "0.1@", "0.1@2026-10-02,0.2@2026-10-01"])
def test_a_share_that_is_none_is_refused(tmp_path, share):
    with pytest.raises(UsageError):
        judged(requests(windows=5, n=50), tmp_path, Arms("stable", "canary", share))


def test_a_ramp_is_recorded_and_tested_at_the_next_look(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(requests(windows=60, n=2000), tmp_path / "logs")
    words = [
        "canary",
        "logs",
        "--control",
        "stable",
        "--treatment",
        "canary",
        "--window",
        "1min",
        "--no-state",
        "-q",
    ]

    assert run([*words, "--share", "0.1", "--record", "--now", "2026-10-01T01:00"]) == 0
    capsys.readouterr()
    text = (tmp_path / "mlops.decisions.toml").read_text()
    assert "share = 0.5" in text
    assert "since = 2026-10-01T01:00:00Z" in text
    more = requests(windows=60, n=2000, share=0.5, seed=7).with_columns(
        pl.col("timestamp") + timedelta(hours=1), request_id=pl.lit("n") + pl.col("request_id")
    )
    write(more, tmp_path / "logs", "later.parquet")
    run([*words, "--format", "json"])
    said = json.loads(capsys.readouterr().out)

    assert said["details"]["rollout"]["health"]["srm"]["log_e"] is not None
    assert said["digests"]["decisions"].startswith("sha256:")


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("weights", '"canary": 0.5'),
        ("argo", "AnalysisTemplate"),
        ("flagger", "confirm-promotion"),
        ("nginx", "50.00%"),
    ],
)
def test_what_acts_on_the_verdict_is_emitted(tmp_path, capsys, kind, word):
    logs = write(requests(windows=60, n=2000), tmp_path / "logs")
    path = tmp_path / "out"
    words = ["canary", str(logs), "--isolated", "--no-state", "--window", "1min"]

    assert run([*words, "--emit", kind]) == 0
    assert word in capsys.readouterr().out
    assert run([*words, "--emit", f"{kind}={path}", "-q"]) == 0
    assert word in path.read_text()
    assert run([*words, "--emit", "istio"]) == 2


def test_the_terminal_names_the_culprit_and_the_bound(tmp_path, capsys):
    logs = write(requests(errors=(0.01, 0.05)), tmp_path / "logs")

    assert run(["canary", str(logs), "--isolated", "--no-state", "--window", "1min", "--explain"]) == 1
    out = capsys.readouterr().out
    assert "FAIL  exit 1  rollback" in out
    assert "error-rate: 0.998% → 5.285%" in out
    assert "at most" in out
    assert "it is worse" in out


def test_one_of_several_models_is_compared_alone(tmp_path):
    good = requests(windows=60, n=2000, model=pl.lit("good"))
    bad = requests(windows=60, n=2000, errors=(0.01, 0.05), seed=9, model=pl.lit("bad"))
    frame = pl.concat([good, bad.with_columns(request_id=pl.lit("b") + pl.col("request_id"))])
    found = {m: judged(frame, tmp_path, model=m).verdict.action.value for m in ("good", "bad")}

    assert found == {"good": "ramp", "bad": "rollback"}


def predictions(labels, wrong=(0.1, 0.1), windows=60, n=1000, share=0.3, seed=1):
    """Predictions and their labels: `labels` and `wrong` are shares of control and treatment."""
    rng = np.random.default_rng(seed)
    total = windows * n
    treated = rng.random(total) < share
    seconds = np.sort(rng.uniform(0, windows * 60, total))
    answer = rng.integers(0, 2, total)
    truth = np.where(rng.random(total) < np.where(treated, wrong[1], wrong[0]), 1 - answer, answer)
    times = pl.Series((seconds * 1e6).astype(np.int64)).cast(pl.Duration("us")) + START
    ids = pl.int_range(total, eager=True).cast(pl.String)
    frame = pl.DataFrame(
        {
            "request_id": ids,
            "timestamp": times,
            "variant": np.where(treated, "canary", "stable"),
            "prediction": answer,
        }
    )
    labelled = pl.Series(rng.random(total) < np.where(treated, labels[1], labels[0]))
    told = pl.DataFrame(
        {"request_id": ids, "label": truth, "label_time": times + timedelta(minutes=5)}
    ).filter(labelled)
    return frame, told


def with_labels(folder, frames, **options):
    write(frames[0], folder, "predictions.parquet")
    write(frames[1], folder, "labels.parquet")
    return report(Ask(paths=(str(folder),), isolated=True, use_state=False, window="1min", **options), ARMS)


def test_labels_are_compared_at_equal_age_and_decide_once_a_margin_is_named(tmp_path):
    frames = predictions((0.9, 0.9), (0.1, 0.16))
    watched = with_labels(tmp_path / "a", frames)
    judged_ = with_labels(tmp_path / "b", frames, config=("rollout.metrics.wrong-rate.absolute = 0.01",))

    assert metric(watched, "wrong-rate")["role"] == "watch"
    assert watched.verdict.action.value != "rollback"
    assert any("predictions older than 0.1 h" in n for n in watched.notes)
    assert (judged_.verdict.action.value, code(judged_)) == ("rollback", "harm:wrong-rate")


def test_labels_of_one_arm_only_are_missing_and_named(tmp_path):
    said = with_labels(
        tmp_path / "a",
        predictions((0.9, 0.0)),
        config=("rollout.metrics.wrong-rate.absolute = 0.01",),
    )

    assert (code(said), said.exit_code) == ("missing:wrong-rate", 3)
    assert metric(said, "wrong-rate")["reason"] == "no treatment row has it"


def test_who_asks_again_is_counted_arm_by_arm(tmp_path):
    frame, told = predictions((0.9, 0.9))
    rng = np.random.default_rng(4)
    again = rng.random(told.height) < np.where(
        told.join(frame, on="request_id", maintain_order="left")["variant"] == "canary", 0.10, 0.02
    )
    acted = told.drop("label", "label_time").with_columns(
        user_action=pl.Series(np.where(again, "redo", "accept"))
    )
    said = with_labels(tmp_path / "a", (frame, acted))

    assert metric(said, "redo-rate")["control"] == pytest.approx(0.018, abs=0.002)
    assert metric(said, "redo-rate")["treatment"] == pytest.approx(0.09, abs=0.006)
    assert code(said) == "harm:redo-rate"


def test_windows_are_as_long_as_the_treatment_has_twenty_of_them(tmp_path):
    """A day of the old version before half an hour of both: minutes, not hours."""
    before = requests(windows=1440, n=20, share=0.0, seed=3)
    both = requests(windows=30, n=500, seed=4).with_columns(
        pl.col("timestamp") + timedelta(days=1), request_id=pl.lit("x") + pl.col("request_id")
    )
    said = judged(pl.concat([before, both]), tmp_path, window="")

    assert said.details["rollout"]["window_seconds"] == 60
    assert said.details["rollout"]["windows"][0] == "2026-10-02T00:02:00Z"
    assert any("before the treatment" in c for c in said.details["rollout"]["choices"])


def test_arms_that_no_log_knows_are_no_traffic(tmp_path):
    said = judged(requests().drop("variant"), tmp_path)

    assert (code(said), said.exit_code) == ("no-traffic", 3)


def test_an_arm_beside_itself_is_refused(tmp_path):
    with pytest.raises(UsageError, match="both 'stable'"):
        judged(requests(), tmp_path, Arms("stable", "stable"))


def test_versions_tell_the_arms_apart_where_they_are_what_was_named(tmp_path):
    version = pl.col("variant").replace({"stable": "1.0", "canary": "1.1"})
    said = judged(requests(windows=60, n=2000, model_version=version), tmp_path, Arms("1.0", "1.1"))

    assert (said.verdict.action.value, said.details["rollout"]["treatment"]) == ("ramp", "1.1")


def test_arms_that_no_row_names_are_a_hold_with_the_names_seen_and_the_newest_record(tmp_path):
    rows = requests(windows=20)
    said = judged(rows, tmp_path, Arms("stabel", "new"))

    assert (said.verdict.action.value, said.exit_code) == ("hold", 3)
    assert "no row of control 'stabel'; arms seen: canary, stable; is it 'stable'?" in said.verdict.next_step
    assert said.now.replace(microsecond=0) == rows["timestamp"].max().replace(microsecond=0)
