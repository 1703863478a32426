"""What was asked → the settings in force."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlops_cli.cli.ask import FAIL_ON, STATISTICS, UNDECIDED, Ask, one_of
from mlops_cli.config.layers import is_inline, shown
from mlops_cli.config.load import Loaded, find, load, load_file, own_file
from mlops_cli.config.settings import Settings
from mlops_cli.errors import UsageError, unknown
from mlops_cli.logs.registry import FORMATS
from mlops_cli.metrics.registry import METRICS
from mlops_cli.stats.registry import DRIFT_STATISTICS

# Key of the settings → the option that sets it.
OPTIONS = {
    ("windows", "size"): "--window",
    ("segments", "by"): "--segment",
    ("baseline", "path"): "--baseline",
    ("report", "state"): "--state",
}


def words() -> dict[str, Sequence[str]]:
    """The registries' names, which the configuration may use."""
    return {"metrics": list(METRICS), "statistics": list(DRIFT_STATISTICS)}


def configured(ask: Ask) -> Loaded:
    """The settings of file, environment and `--config`, before the other options.

    A folder of logs that is asked about alone may hold the file, where no other was found or given.
    """
    beside = _of_logs(ask)
    given = (beside, *ask.config) if beside else ask.config
    return load(given, isolated=ask.isolated, overlay=ask.overlays, words=words())


def _of_logs(ask: Ask) -> str:
    """The configuration file of the only folder that was named; empty: another one, or none, holds."""
    if ask.isolated or len(ask.paths) != 1 or any(not is_inline(c) for c in ask.config):
        return ""
    found = None if find(Path.cwd()) else own_file(Path(ask.paths[0]))
    return shown(found) if found else ""


def ready(ask: Ask) -> Loaded:
    """The settings in force: the file's, the environment's, and what was asked."""
    loaded = configured(ask)
    return replace(loaded, settings=asked(loaded.settings, ask))


def ready_of(path: str, ask: Ask) -> Settings:
    """The same for a sub-folder that has a file of its own."""
    return asked(load_file(path, config=ask.config, overlay=ask.overlays, words=words()), ask)


def asked(settings: Settings, ask: Ask) -> Settings:
    """The settings with the options of this call laid over them."""
    one_of("--statistics", ask.statistics, STATISTICS)
    if ask.stdin_format not in (*FORMATS, "auto"):
        raise unknown("log format", ask.stdin_format, FORMATS, "--stdin-format")
    given: dict[tuple[str, str], Any] = {
        ("windows", "size"): ask.window,
        ("segments", "by"): ask.segments,
        ("gate", "fail_on"): one_of("--fail-on", ask.fail_on, FAIL_ON),
        ("gate", "undecided"): one_of("--undecided", ask.undecided, UNDECIDED),
        ("baseline", "path"): ask.baseline,
        ("report", "state"): str(Path(ask.state).resolve()) if ask.state else "",
    }
    values = settings.model_dump(by_alias=True)
    for (section, key), value in given.items():
        if value:
            values[section][key] = value
    if ask.baseline:
        values["baseline"]["from"] = "path"
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        said = str(first["msg"]).removeprefix("Value error, ")
        what, _, do = said.partition(": ")
        option = OPTIONS.get((str(first["loc"][0]), str(first["loc"][1])), "the command line")
        raise UsageError(what[:1].lower() + what[1:], option, do) from None
