import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.bench
def test_no_cell_is_materially_worse_than_in_the_specification():
    script = Path(__file__).with_name("rollout_bench.py")

    run = subprocess.run(
        [sys.executable, str(script), "--runs", "300", "--policies", "10"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 cells are materially worse" in run.stdout
