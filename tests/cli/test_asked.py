"""Which configuration file holds: one found from the working directory upward, else one in the logs' folder."""

import pytest

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.asked import configured
from mlops_cli.logs.find import find


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """A working directory with a folder of logs that has its own mlops.toml."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/a.jsonl").write_text('{"request_id": "a", "prediction": 1}\n', encoding="utf-8")
    (tmp_path / "logs/mlops.toml").write_text('[windows]\nsize = "12h"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def size(*paths, **asked):
    return configured(Ask(paths=paths, **asked)).settings.windows.size


def test_a_folder_that_is_judged_alone_brings_its_own_settings_and_says_so(logs):
    loaded = configured(Ask(paths=("logs",)))

    assert (loaded.settings.windows.size, loaded.path, loaded.folder) == ("12h", "logs/mlops.toml", "logs")
    assert find(("logs",), loaded.settings, loaded.folder).notes == [
        "the settings are those of logs/mlops.toml (--config, --isolated)"
    ]
    assert size("logs", config=('baseline.from = "first"',)) == "12h"


def test_a_file_that_was_found_or_given_comes_before_that_of_the_logs(logs):
    (logs / "other.toml").write_text('[windows]\nsize = "1h"\n', encoding="utf-8")
    assert size("logs", config=("other.toml",)) == "1h"

    (logs / "other.toml").rename(logs / "mlops.toml")
    assert size("logs") == "1h"


@pytest.mark.parametrize(
    "asked", [{"paths": ("logs", "logs/a.jsonl")}, {"paths": ("logs/a.jsonl",)}, {"paths": ()}]
)
def test_logs_that_are_no_single_folder_bring_no_settings(logs, asked):
    assert configured(Ask(**asked)).settings.windows.size == "auto"


def test_isolated_looks_for_none(logs):
    assert size("logs", isolated=True) == "auto"
