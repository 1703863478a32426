"""Retrain → canary → what it says of the retrain stands in the decisions, and the next retrain may be asked for."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from mlops_cli.cli.main import run
from mlops_cli.cli.start import _filled
from mlops_cli.config.retrain import Pace
from mlops_cli.decide.retrain import helped
from mlops_cli.ledger.decisions import read

OPEN = '# ours\n[[retrain]]\nat = 2026-02-01T00:00:00Z\ndrop = 0.05\ncanary = "open"  # since Monday\n'


@pytest.mark.parametrize(
    ("gain", "expected"),
    [
        ((0.04, 0.02, 0.06), True),
        ((0.002, -0.02, 0.03), False),
        ((0.01, -0.01, 0.02), False),
        ((0.02, -0.01, 0.05), None),
    ],
)
def test_a_retrain_has_helped_where_the_gain_is_sure(gain, expected):
    assert helped(*gain, drop=0.05) is expected


@pytest.mark.parametrize(
    ("errors", "action", "said"), [((0.01, 0.2), "rollback", None), ((0.01, 0.01), "open", None)]
)
def test_the_canary_closes_the_entry_of_the_retrain_and_keeps_its_comments(
    tmp_path, monkeypatch, errors, action, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlops.decisions.toml").write_text(OPEN)
    rng = np.random.default_rng(1)
    n = 20_000
    treated = rng.random(n) < 0.1
    pl.DataFrame(
        {
            "request_id": pl.int_range(n, eager=True).cast(pl.String),
            "timestamp": pl.Series(np.sort(rng.uniform(0, 2400e6, n)).astype(np.int64)).cast(
                pl.Duration("us")
            )
            + datetime(2026, 3, 1, tzinfo=UTC),
            "variant": np.where(treated, "canary", "stable"),
            "status": np.where(rng.random(n) < np.where(treated, errors[1], errors[0]), 500, 200),
            "latency_ms": rng.lognormal(4, 0.5, n),
        }
    ).write_parquet(tmp_path / "access.parquet")
    run(
        [
            "canary",
            "access.parquet",
            "--control",
            "stable",
            "--treatment",
            "canary",
            "--window",
            "1min",
            "--record",
            "--no-state",
        ]
    )
    text = (tmp_path / "mlops.decisions.toml").read_text()

    assert read("mlops.decisions.toml").of("retrain")[-1]["canary"] == action
    assert read("mlops.decisions.toml").of("retrain")[-1].get("helped") == said  # no label tells it
    assert "# ours" in text


def test_the_command_gets_what_the_trigger_says():
    found = _filled(
        ("train.py", "--since", "{train_from}", "--id={id}", "{other}"),
        {"train_from": "2026-02-01", "id": "a1"},
    )

    assert found == ["train.py", "--since", "2026-02-01", "--id=a1", "{other}"]


def test_a_season_may_be_a_duration_or_windows():
    pace = Pace(period="7d")

    assert (pace.windows(86_400), pace.windows(3_600), Pace(period=5).windows(60), Pace().windows(60)) == (
        7,
        168,
        5,
        0,
    )
