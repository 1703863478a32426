"""Streams that are closed, devices as outputs, a full disk: one clear message, and the exit code that is meant."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOG = '{"timestamp": "2026-01-01T00:00:00Z", "prediction": 1}\n'
FULL = Path("/dev/full")


def shell(words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`mlops` with words that a shell reads, in a folder with one log."""
    (folder / "log.jsonl").write_text(LOG)
    line = f'"{sys.executable}" -m mlops_cli {words}'
    return subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, check=False)


def test_a_closed_standard_input_is_no_data(tmp_path):
    done = shell("monitor - --no-state <&-", tmp_path)

    assert done.returncode == 4
    assert "standard input is closed" in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_outputs_change_no_exit_code(tmp_path, closed):
    done = shell(f"monitor log.jsonl --no-state {closed}", tmp_path)

    assert done.returncode == 3
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not FULL.is_char_device(), reason="no /dev/full here")
def test_a_full_disk_behind_standard_output_is_said(tmp_path):
    done = shell(f"monitor log.jsonl --no-state > {FULL}", tmp_path)

    assert done.returncode == 2
    assert "No space left on device" in done.stderr


def test_a_pipe_named_as_output_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = shell(f"monitor log.jsonl --no-state -o json={pipe} > /dev/null & cat {pipe}; wait", tmp_path)

    assert done.stdout.startswith("{")
    assert pipe.is_fifo()


def test_a_window_longer_than_time_is_a_mistake(tmp_path):
    done = shell("monitor log.jsonl --no-state --window 99999999999d", tmp_path)

    assert done.returncode == 2
    assert "do:" in done.stderr


def test_a_file_whose_name_is_not_utf8_is_named(tmp_path):
    name = os.fsdecode(b"a\xff.parquet")
    try:
        (tmp_path / name).write_bytes(b"PAR1" * 10)
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    done = shell("monitor *.parquet --no-state", tmp_path)

    assert done.returncode == 4
    assert "Traceback" not in done.stderr
