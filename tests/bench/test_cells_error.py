import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.bench
def test_cells_meet_the_targets_of_row_16():
    script = Path(__file__).with_name("cells_error.py")

    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout + run.stderr
    assert "all targets met" in run.stdout
