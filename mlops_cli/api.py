"""The commands for Python: the same arguments as the command line, the same Report, nothing printed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from os import PathLike, fspath
from typing import TYPE_CHECKING, cast

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.registry import REPORTS

if TYPE_CHECKING:
    from mlops_cli.result.report import Report

Path = str | PathLike[str]


def monitor(
    *logs: Path,
    baseline: Path = "",
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    now: str | datetime | None = None,
    window: str = "",
    segment: Iterable[str] = (),
    model: str = "",
    column: Mapping[str, str] | None = None,
    statistics: str = "default",
    fail_on: str = "",
    undecided: str = "",
    known: Path = "",
    soft_fail_on: Iterable[str] = (),
    config: Iterable[Path] = (),
    isolated: bool = False,
    overlay: Iterable[str] = (),
    stdin_format: str = "jsonl",
    state: Path = "",
    no_state: bool = False,
) -> "Report":
    """Is the model healthy?

    Parameters
    ----------
    logs : files, folders or globs; none: the configuration's sources
    baseline : file, folder or name of a saved baseline to compare with; empty: the configuration's, else
        the first windows
    since, until : the range that is judged; a text without time is a day, which `until` includes
    now : as if it were this time; None: the newest record's
    window : `10s`, `1h`, `1d` ...; empty: the configuration's, else chosen
    segment : columns each value of which is judged on its own
    model : only this one
    column : role → column, JSON path or "= expression"
    statistics : of drift, `default` or `all`
    fail_on, undecided : what makes the exit code 1, and what it is where there is no answer
    known : file of findings that do not block, each with reason and end
    soft_fail_on : codes, ids or `input.*`: findings of these do not block
    config : files, or texts such as `windows.size = "1h"`; `isolated` looks for no file
    overlay : names of `[overlays.NAME]`
    stdin_format : what the log `-` holds
    state : folder of the cache; `no_state` keeps none

    Raises
    ------
    UsageError
        Where an argument or the configuration is wrong.
    DataError
        Where no row can be read.

    Examples
    --------
    >>> report = monitor("sample_logs")  # doctest: +SKIP
    >>> report.level.word, report.exit_code, report.verdict.reason  # doctest: +SKIP

    """
    ask = Ask(
        paths=tuple(fspath(path) for path in logs),
        config=tuple(fspath(one) for one in config),
        isolated=isolated,
        overlays=tuple(overlay),
        baseline=fspath(baseline),
        columns=dict(column or {}),
        since=since,
        until=until,
        now=now,
        window=window,
        segments=tuple(segment),
        model=model,
        statistics=statistics,
        state=fspath(state),
        use_state=not no_state,
        stdin_format=stdin_format,
        fail_on=fail_on,
        undecided=undecided,
        known=fspath(known),
        soft_fail_on=tuple(soft_fail_on),
    )
    return cast("Report", REPORTS["monitor"](ask))
