"""JSON nested deeper than anyone means it to be is a value or a bad line, never a crash."""

import pytest

from mlops_cli.config.settings import Settings
from mlops_cli.logs.discover import discover
from mlops_cli.logs.open import open_logs

GOOD = b'{"timestamp": "2026-01-01T00:00:00Z", "prediction": 1}\n'


@pytest.mark.parametrize(("opens", "closes"), [(b"[", b"]"), (b'{"b": ', b"}")], ids=["arrays", "objects"])
@pytest.mark.parametrize("levels", [40, 500, 100_000])
def test_a_deep_value_costs_its_own_line_at_most(tmp_path, opens, closes, levels):
    deep = b'{"prediction": 1, "a": ' + opens * levels + b"1" + closes * levels + b"}\n"
    (tmp_path / "log.jsonl").write_bytes(deep + GOOD * 5)

    logs = open_logs(discover([str(tmp_path)], Settings()).files, None)

    part = logs.parts[0]
    assert part.rows + part.quarantined == 6
    assert part.rows >= 5
