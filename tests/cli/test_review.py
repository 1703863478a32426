"""`mlops thresholds review` from logs and acks to a proposal in the file."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mlops_cli.cli.main import run
from mlops_cli.config.load import load_file

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 120


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Requests of 120 days whose latency jumps on some days without a reason, with a line at 3 sigma."""
    rng = np.random.default_rng(2)
    days = []
    for day in range(DAYS):
        factor = np.exp(rng.standard_t(3) * 0.05)
        days.append(
            pl.DataFrame(
                {
                    "request_id": [f"{day}-{i}" for i in range(250)],
                    "timestamp": [START + timedelta(days=day, seconds=300 * i) for i in range(250)],
                    "latency_ms": rng.lognormal(4, 0.3, 250) * factor,
                    "status": [200] * 250,
                    "path": ["/p"] * 250,
                }
            )
        )
    (tmp_path / "logs").mkdir()
    pl.concat(days).write_parquet(tmp_path / "logs" / "access.parquet")
    (tmp_path / "mlops.toml").write_text(
        '# ours\n[windows]\nsize = "1d"\n[metrics.software]\nlatency-p50 = { alarm = "3 sigma" } # tight\n'
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ack(series, day, verdict):
    at = (START + timedelta(days=day)).isoformat().replace("+00:00", "Z")
    to = (START + timedelta(days=day + 1)).isoformat().replace("+00:00", "Z")
    return f'[[ack]]\nid = "{series}"\nsince = {at}\nto = {to}\nverdict = "{verdict}"\nat = {to}\n'


def test_a_line_that_people_called_false_too_often_is_loosened_in_the_file(folder, capsys):
    assert run(["thresholds", "review", "logs"]) == 0
    before = capsys.readouterr().out
    (folder / "mlops.decisions.toml").write_text(
        "".join(ack("latency-p50", d, "false") for d in (60, 70, 80, 90, 100))
    )

    assert run(["thresholds", "review", "logs", "--write"]) == 0
    after = capsys.readouterr().out
    written = (folder / "mlops.toml").read_text()
    line = load_file(str(folder / "mlops.toml")).line("software", "latency-p50")

    assert "loosen" not in before
    assert "loosen" in after
    assert "# ours" in written
    assert "# tight" in written
    assert float(str(line.alarm).removesuffix(" sigma")) > 3


def test_nothing_is_written_without_being_asked(folder):
    text = (folder / "mlops.toml").read_text()
    run(["thresholds", "review", "logs", "-f", "json"])

    assert (folder / "mlops.toml").read_text() == text
