"""Windows with too few rows: undecided, and the window that would be long enough."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from mlops_cli.cli.main import run


def judged(tmp_path, capsys, rows, *options):
    """Exit code and next step of three days with so many predictions in all."""
    start, step = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=3) / rows
    records = (
        {
            "timestamp": (start + i * step).isoformat(),
            "request_id": str(i),
            "amount": i % 7,
            "prediction": i % 2,
        }
        for i in range(rows)
    )
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    code = run(["monitor", str(tmp_path / "a.jsonl"), "--no-state", "--isolated", "-f", "json", *options])
    return code, json.loads(capsys.readouterr().out)["verdict"]["next_step"]


@pytest.mark.slow
def test_a_longer_window_is_proposed_and_it_answers(tmp_path, capsys):
    code, do = judged(tmp_path, capsys, 3_000)

    assert code == 3
    assert do == "judge longer windows: --window 6h (a window has about 42 rows, 200 are wanted)"
    assert judged(tmp_path, capsys, 3_000, "--window", "6h")[0] == 0


def test_where_no_window_would_do_one_has_to_wait(tmp_path, capsys):
    code, do = judged(tmp_path, capsys, 36)

    assert code == 3
    assert do.startswith("wait for more rows, or lower [windows] min_rows")
