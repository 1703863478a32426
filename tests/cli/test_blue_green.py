"""Blue and green in real log files: before, during and after the switch."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mlops_cli.cli.arms import Arms
from mlops_cli.cli.ask import Ask
from mlops_cli.cli.commands.blue_green import report
from mlops_cli.cli.main import run

START = datetime(2026, 10, 1, tzinfo=UTC)
FREE = ('rollout.metrics.slow-share-p90.role = "watch"', 'rollout.metrics.slow-share-p99.role = "watch"')


def mirrored(n=6000, errors=(0.01, 0.01), differ=0.0, slower=1.0, green=1.0, seed=1):
    """The same requests answered by both, in 30 minutes; green answers a share of them."""
    rng = np.random.default_rng(seed)
    times = START + pl.Series((np.sort(rng.uniform(0, 1800, n)) * 1e6).astype(np.int64)).cast(
        pl.Duration("us")
    )
    latency = rng.lognormal(np.log(50), 0.5, n)
    answer = rng.integers(0, 2, n)
    failed = rng.random(n) < errors[0]  # what one cannot answer, the other mostly cannot either
    worse = rng.random(n) < errors[1] - errors[0]
    frames = []
    for k, name in enumerate(("blue", "green")):
        other = rng.random(n) < differ * k
        frame = pl.DataFrame(
            {
                "request_id": pl.int_range(n, eager=True).cast(pl.String),
                "timestamp": times,
                "variant": [name] * n,
                "status": np.where(failed | (worse & (k == 1)), 500, 200),
                "latency_ms": latency * rng.lognormal(0, 0.1, n) * (slower if k else 1.0),
                "prediction": np.where(other, 1 - answer, answer),
            }
        )
        frames.append(frame.filter(pl.Series(rng.random(n) < green)) if k else frame)
    return pl.concat(frames)


def traffic(windows, share, n=1000, errors=(0.01, 0.01), seed=1, since=START):
    """Windows of ten minutes of an access log, green has `share` of it."""
    rng = np.random.default_rng(seed)
    total = windows * n
    green = rng.random(total) < share
    seconds = np.sort(rng.uniform(0, windows * 600, total))
    return pl.DataFrame(
        {
            "request_id": pl.int_range(total, eager=True).cast(pl.String) + f"-{seed}",
            "timestamp": pl.Series((seconds * 1e6).astype(np.int64)).cast(pl.Duration("us")) + since,
            "variant": np.where(green, "green", "blue"),
            "status": np.where(rng.random(total) < np.where(green, errors[1], errors[0]), 500, 200),
        }
    )


def judged(frame, folder, phase="", window="1min", **options):
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / "access.parquet")
    ask = Ask(paths=(str(folder),), isolated=True, use_state=False, window=window, **options)
    return report(ask, Arms("blue", "green", phase=phase))


def code(said):
    return said.verdict.reason.partition(" — ")[0]


def test_pairs_that_agree_are_ready(tmp_path):
    said = judged(mirrored(), tmp_path)

    assert (said.verdict.action.value, said.exit_code) == ("ready", 0)
    assert said.details["rollout"]["phase"] == "ready"
    assert said.details["rollout"]["evidence"] == "paired"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"errors": (0.01, 0.06)}, "harm:error-rate"),
        ({"slower": 1.2}, "harm:log-latency"),
        ({"differ": 0.12}, "answers"),
    ],
)
def test_what_is_worse_on_pairs_is_not_ready(tmp_path, change, reason):
    said = judged(mirrored(**change), tmp_path)

    assert (said.verdict.action.value, code(said), said.exit_code) == ("not-ready", reason, 1)


def test_answers_that_differ_about_as_often_as_they_may_hold(tmp_path):
    said = judged(mirrored(differ=0.05), tmp_path)

    assert (code(said), said.exit_code) == ("unknown:answers", 3)


def test_few_pairs_and_none_are_a_hold(tmp_path):
    few = judged(mirrored(n=100), tmp_path / "a")
    none = judged(mirrored(green=0.0), tmp_path / "b", phase="ready")

    assert (code(few), few.exit_code) == ("warming-up", 3)
    assert (code(none), none.exit_code) == ("no-pairs", 3)


def test_the_switch_goes_by_steps_and_keeps_a_holdback(tmp_path):
    early = judged(traffic(40, 0.05, 4000), tmp_path / "a", window="10min", config=('rollout.max_time="1d"',))
    late = judged(traffic(60, 0.5, 4000), tmp_path / "b", window="10min")

    assert (early.details["rollout"]["phase"], early.verdict.traffic) == ("switch", 0.25)
    assert (late.verdict.action.value, late.verdict.traffic) == ("promote", 0.98)


def test_with_a_holdback_the_old_version_may_go_when_it_was_watched(tmp_path):
    said = judged(traffic(150, 0.95, 4000), tmp_path, "watch", window="10min")
    short = judged(traffic(30, 0.95, 4000), tmp_path, "watch", window="10min")

    assert (said.verdict.action.value, said.exit_code) == ("remove-old", 0)
    assert (short.verdict.action.value, code(short).partition(":")[0]) == ("hold", "watching")
    assert said.details["rollout"]["evidence"] == "concurrent"


def test_harm_after_the_switch_is_rolled_back(tmp_path):
    said = judged(traffic(40, 0.98, 4000, errors=(0.01, 0.03)), tmp_path, window="10min")

    assert (said.verdict.action.value, said.verdict.traffic, said.exit_code) == ("rollback", 0.0, 1)
    assert said.details["rollout"]["phase"] == "watch"


def days(before, errors, days_=8):
    """Days on blue, then twelve hours on green alone."""
    old = traffic(144 * before, 0.0, 200)
    new = traffic(72, 1.0, 200, errors=(0.01, errors), seed=2, since=START + timedelta(days=before))
    return pl.concat([old, new])


def test_without_a_holdback_it_compares_with_the_days_before_and_says_so(tmp_path):
    same = judged(days(8, 0.01), tmp_path / "a", "watch", window="10min")
    worse = judged(days(8, 0.03), tmp_path / "b", "watch", window="10min")
    short = judged(days(3, 0.03), tmp_path / "c", "watch", window="10min")

    assert {s.details["rollout"]["evidence"] for s in (same, worse, short)} == {"before-after"}
    assert (worse.verdict.action.value, worse.exit_code) == ("rollback", 1)
    assert same.verdict.action.value in {"hold", "remove-old"}
    assert (short.verdict.action.value, short.exit_code) == ("hold", 3)
    assert "3 days before the switch" in short.verdict.reason


def test_the_command_line_calls_the_arms_blue_and_green(tmp_path, capsys):
    mirrored().write_parquet(tmp_path / "access.parquet")

    assert (
        run(["blue-green", str(tmp_path), "--blue", "blue", "--green", "green", "--isolated", "--no-state"])
        == 0
    )
    assert "ready" in capsys.readouterr().out
