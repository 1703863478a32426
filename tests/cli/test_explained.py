"""`mlops explain METRIC LOGS`: why a window was judged as it was."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlops_cli.cli.main import run


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty days of hourly traffic with a season by the hour; the last hour of day 19 is tripled."""
    folder = tmp_path_factory.mktemp("logs")
    rng = np.random.default_rng(3)
    start = datetime(2026, 3, 2, tzinfo=UTC)
    hours = np.arange(480)
    counts = rng.poisson(300 + 100 * np.sin(hours / 24 * 2 * np.pi))
    counts[470] *= 3
    times = [
        start + timedelta(hours=int(h), seconds=30 + 3500 * i / n)
        for h, n in zip(hours, counts, strict=True)
        for i in range(n)
    ]
    size = len(times)
    pl.DataFrame(
        {
            "request_id": np.arange(size).astype(str),
            "timestamp": times,
            "prediction": rng.random(size) < 0.3,
            "latency_ms": rng.lognormal(3, 0.3, size),
        }
    ).write_parquet(folder / "predictions.parquet")
    return folder


def told(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert run(list(argv)) == 0
    return capsys.readouterr().out


def test_a_window_says_its_line_its_parts_its_evidence_and_the_cost_of_three_sigma(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["explain", "volume", str(logs), "--window", "1h", "--no-state", "--at", "2026-03-21T14:10"]
    [facts] = json.loads(told(capsys, *asked, "-f", "json"))
    own = facts["adaptive"]

    assert facts["window"] == "2026-03-21T14:00:00Z"
    assert own["low"] < own["expected"] < own["high"] < facts["value"]
    assert own["expected"] == pytest.approx(own["level"] + own["season"] + own["recent"])
    assert own["pattern"] == "hour of day"
    assert own["eye"] == "jump"
    assert own["p"] < own["promise"] == pytest.approx(0.5 / (365.25 * 24))
    assert own["three_sigma"] > 1  # more than the promise
    assert own["incident"] == {"since": "2026-03-21T14:00:00Z", "windows": 1, "how": own["incident"]["how"]}
    text = told(capsys, *asked)
    assert "season by hour of day" in text
    assert "3 sigma    would cost" in text


def test_a_quiet_window_has_its_bounds_and_no_incident(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["explain", "latency_p95", str(logs), "--window", "1h", "--no-state", "--at", "2026-03-12T03:00"]
    [facts] = json.loads(told(capsys, *asked, "-f", "json"))

    assert facts["level"] == "ok"
    assert facts["adaptive"]["incident"] is None
    assert [b["level"] for b in facts["bounds"]] == ["alarm", "warning"]


@pytest.mark.parametrize(
    ("name", "at", "said"),
    [
        ("drift/////nowhere", "", "no series"),
        ("volume", "2031-01-01", "no window holds 2031-01-01"),
        ("volume", "tomorrow", "tomorrow"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(
    logs: Path, capsys: pytest.CaptureFixture[str], name: str, at: str, said: str
) -> None:
    code = run(["explain", name, str(logs), "--window", "1h", "--no-state", "--at", at])
    shown = capsys.readouterr().err

    assert code == 2
    assert said in shown
    assert "do:" in shown


def test_a_window_without_a_value_is_unknown_and_its_line_is_still_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The newest window is not over: its volume is not judged, though the line for it is known."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    times = [start + timedelta(minutes=7.2 * i) for i in range(25 * 200 - 1)]
    pl.DataFrame({"timestamp": times, "prediction": [i % 2 == 0 for i in range(len(times))]}).write_parquet(
        tmp_path / "a.parquet"
    )
    text = told(capsys, "explain", "volume", str(tmp_path), "--window", "1d", "--no-state")

    assert "line       " in text
    assert "history    " in text
    assert "surprise" not in text
    assert told(capsys, "explain", "accuracy", str(tmp_path), "--no-state").count("bounds") == 0
