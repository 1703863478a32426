"""Ask: what a command was asked, in one frozen record that the command line and Python both fill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mlops_cli.errors import unknown

STATISTICS = ("default", "all")
FAIL_ON = ("alarm", "warning", "never")
UNDECIDED = ("pass", "fail")


@dataclass(frozen=True)
class Ask:
    """The options that commands over logs share; empty means the configuration's, or the default.

    Parameters
    ----------
    paths : files, folders, globs, or `-` for standard input; empty: the configuration's sources
    config : files or inline TOML, in order; `isolated` looks for no file
    overlays : names of `[overlays.NAME]` laid over the settings
    baseline : file, folder, or name of a saved baseline
    columns : role → column, JSON path or "= expression"
    since, until, now : texts as typed, or times
    window : duration or `auto`
    segments : columns to be judged value by value
    model : only this one
    statistics : `default` or `all`
    state : folder for the cache; `use_state=False` keeps none
    stdin_format : what `-` holds
    fail_on, undecided : override `[gate]`
    known : file of findings that do not block, each with reason and end
    soft_fail_on : codes, ids or `input.*`: findings of these do not block

    """

    paths: tuple[str, ...] = ()
    config: tuple[str, ...] = ()
    isolated: bool = False
    overlays: tuple[str, ...] = ()
    baseline: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    since: str | datetime | None = None
    until: str | datetime | None = None
    now: str | datetime | None = None
    window: str = ""
    segments: tuple[str, ...] = ()
    model: str = ""
    statistics: str = "default"
    state: str = ""
    use_state: bool = True
    stdin_format: str = "jsonl"
    fail_on: str = ""
    undecided: str = ""
    known: str = ""
    soft_fail_on: tuple[str, ...] = ()


def one_of(option: str, word: str, known: Sequence[str]) -> str:
    """The word, which must be empty or a known one."""
    if word and word not in known:
        raise unknown("word", word, known, option)
    return word
