"""The commands for Python: the same arguments as the command line, the same Report, nothing printed.

>>> from mlops_cli.api import monitor
>>> report = monitor("logs/", baseline="reference.parquet")  # doctest: +SKIP
>>> report.exit_code, report.level.word, report.verdict.reason  # doctest: +SKIP

Every function raises `UsageError` where an argument or the configuration is wrong, and `DataError` where no
row can be read (both in `mlops_cli.errors`).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from os import PathLike, fspath
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, cast

from mlops_cli.cli.arms import Arms
from mlops_cli.cli.ask import Ask
from mlops_cli.cli.beside import Beside
from mlops_cli.cli.registry import REPORTS

if TYPE_CHECKING:
    from mlops_cli.result.report import Report

Path = str | PathLike[str]
Time = str | datetime | None

__all__ = [
    "Arms",
    "Beside",
    "Options",
    "automation",
    "blue_green",
    "canary",
    "monitor",
    "pace",
    "pipeline",
    "retrain",
    "shadow_compare",
]


class Options(TypedDict, total=False):
    """Keyword arguments of every function; without one the configuration's, or the default.

    Parameters
    ----------
    baseline : file, folder or name of a saved baseline to compare with; else the first windows
    since, until : the range that is judged; a text without time is a day, which `until` includes
    now : as if it were this time; else the newest record's
    window : `10s`, `1h`, `1d` ...; else chosen by what the logs give
    segment : columns each value of which is judged on its own
    model : only this one
    column : role → column, JSON path or "= expression"
    statistics : of drift
    fail_on, undecided : what makes the exit code 1, and what it is where there is no answer
    known : file of findings that do not block
    soft_fail_on : codes, ids, or a group as `input.*`: findings of these do not block
    config : files, or texts such as `windows.size = "1h"`
    isolated : look for no configuration file
    overlay : names of `[overlays.NAME]`
    stdin_format : what the log `-` holds
    state : folder of the cache; `no_state` keeps none

    """

    baseline: Path
    since: Time
    until: Time
    now: Time
    window: str
    segment: Iterable[str]
    model: str
    column: Mapping[str, str]
    statistics: Literal["default", "all"]
    fail_on: Literal["alarm", "warning", "never"]
    undecided: Literal["pass", "fail"]
    known: Path
    soft_fail_on: Iterable[str]
    config: Iterable[Path]
    isolated: bool
    overlay: Iterable[str]
    stdin_format: str
    state: Path
    no_state: bool


def monitor(*logs: Path, **options: Unpack[Options]) -> "Report":
    """Is the model healthy? `logs` are files, folders or globs; none: the configuration's sources."""
    return cast("Report", REPORTS["monitor"](_ask(logs, options)))


def pace(*logs: Path, **options: Unpack[Options]) -> "Report":
    """How fast does this data change, and how often must one look or retrain?"""
    return cast("Report", REPORTS["pace"](_ask(logs, options)))


def retrain(*logs: Path, **options: Unpack[Options]) -> "Report":
    """Does a retrain pay, when, and may it start by itself? Starts nothing."""
    return cast("Report", REPORTS["retrain"](_ask(logs, options)))


def pipeline(*logs: Path, **options: Unpack[Options]) -> "Report":
    """Which component of the pipeline is the first at fault?"""
    return cast("Report", REPORTS["pipeline"](_ask(logs, options)))


def shadow_compare(*logs: Path, beside: Beside | None = None, **options: Unpack[Options]) -> "Report":
    """How does a model compare with the people beside it?"""
    return cast("Report", REPORTS["shadow-compare"](_ask(logs, options), beside))


def automation(*logs: Path, beside: Beside | None = None, **options: Unpack[Options]) -> "Report":
    """How much may a model decide alone, and above which confidence?"""
    return cast("Report", REPORTS["automation"](_ask(logs, options), beside))


def canary(*logs: Path, arms: Arms | None = None, **options: Unpack[Options]) -> "Report":
    """May the treatment get more traffic, or has it to go back?"""
    return cast("Report", REPORTS["canary"](_ask(logs, options), arms))


def blue_green(*logs: Path, arms: Arms | None = None, **options: Unpack[Options]) -> "Report":
    """Is green ready, may it get traffic, and when may blue go?"""
    return cast("Report", REPORTS["blue-green"](_ask(logs, options), arms))


def _ask(logs: tuple[Path, ...], options: Options) -> Ask:
    return Ask(
        paths=tuple(fspath(path) for path in logs),
        config=tuple(fspath(one) for one in options.get("config", ())),
        isolated=options.get("isolated", False),
        overlays=tuple(options.get("overlay", ())),
        baseline=fspath(options.get("baseline", "")),
        columns=dict(options.get("column", {})),
        since=options.get("since"),
        until=options.get("until"),
        now=options.get("now"),
        window=options.get("window", ""),
        segments=tuple(options.get("segment", ())),
        model=options.get("model", ""),
        statistics=options.get("statistics", "default"),
        state=fspath(options.get("state", "")),
        use_state=not options.get("no_state", False),
        stdin_format=options.get("stdin_format", "jsonl"),
        fail_on=options.get("fail_on", ""),
        undecided=options.get("undecided", ""),
        known=fspath(options.get("known", "")),
        soft_fail_on=tuple(options.get("soft_fail_on", ())),
    )
