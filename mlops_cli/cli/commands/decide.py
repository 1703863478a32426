"""`mlops accept`, `ack`, `silence`: what people decide about findings, kept in mlops.decisions.toml."""

import getpass
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from mlops_cli.cli.options import Configured
from mlops_cli.cli.say import tell
from mlops_cli.errors import UsageError

if TYPE_CHECKING:
    from mlops_cli.config.load import Loaded

Series = Annotated[str, Argument(metavar="METRIC", help="A metric's code, a finding's id, or one with *.")]
Found = Annotated[str, Argument(metavar="FINDING", help="A finding's id, or its code.")]
Why = Annotated[str, Option("--reason", metavar="TEXT", help="Why: it stands in the file for the reviewers.")]
Who = Annotated[str, Option("--who", metavar="NAME", help="Who decided. [the user]", show_default=False)]
Time = Annotated[str, Option(metavar="TIME", help="2026-01-31, or with a time.", show_default=False)]


def accept(series: Series, since: Time, reason: Why, ask: Configured, who: Who = "") -> int:
    """Take a level shift as the new normal.

    From the next run on, the history before --since is moved by the shift: season, width and tail survive.
    A fixed line stays where it is; change it in mlops.toml.
    """
    loaded, zone = _settings(ask)
    _known(series)
    entry = {"id": series, "since": _moment(since, zone), "at": _now(), "who": who or _user(), "why": reason}
    path = _append(loaded, "accept", entry)
    return tell(
        f"{path}: {series} has a new normal since {since}\ncommit the file, so that others judge alike"
    )


def ack(
    finding: Found,
    ask: Configured,
    real: Annotated[bool, Option("--real", help="It was real: nothing is learnt from it.")] = False,
    false: Annotated[
        bool, Option("--false", help="It was a false alarm: `thresholds review` heeds it.")
    ] = False,
    until: Time = "",
    since: Time = "",
    reason: Why = "",
    who: Who = "",
) -> int:
    """Say that a finding was seen, and whether it was real; an open one blocks no more.

    Without --until it blocks again when a new incident begins; with it, from then on at the latest.
    """
    if real == false:
        raise UsageError("was it real?", "the command line", "pass --real or --false")
    loaded, zone = _settings(ask)
    _known(finding)
    seen = _seen(loaded, finding)
    begun = _moment(since, zone) if since else datetime.fromisoformat(seen["since"]) if seen else _now()
    entry: dict[str, Any] = {
        "id": seen["id"] if seen else finding,
        "since": begun,
        "to": datetime.fromisoformat(seen["window"]["end"]) if seen else None,
        "verdict": "real" if real else "false",
        "until": _moment(until, zone, end=True) if until else None,
        "at": _now(),
        "who": who or _user(),
        "why": reason or None,
    }
    path = _append(loaded, "ack", entry)
    lasting = f"until {until}" if until else "while this incident is open"
    return tell(f"{path}: {entry['id']} is {entry['verdict']}, it does not block {lasting}")


def silence(
    series: Series,
    until: Time,
    reason: Why,
    ask: Configured,
    since: Annotated[str, Option("--from", metavar="TIME", help="From here. [now]", show_default=False)] = "",
    who: Who = "",
) -> int:
    """Judge a metric not at all for a while: a maintenance, a migration.

    The windows of a silence are neither judged nor learnt from.
    """
    loaded, zone = _settings(ask)
    _known(series)
    begun = _moment(since, zone) if since else _now()
    ended = _moment(until, zone, end=True)
    if ended <= begun:
        raise UsageError("the silence ends before it begins", "the command line", "give a later --until")
    entry = {"id": series, "from": begun, "until": ended, "at": _now(), "who": who or _user(), "why": reason}
    path = _append(loaded, "silence", entry)
    return tell(f"{path}: {series} is not judged until {until}")


def _settings(ask: Configured) -> tuple["Loaded", str]:
    from mlops_cli.cli.asked import ready  # noqa: PLC0415

    loaded = ready(ask)
    return loaded, loaded.settings.project.timezone


def _seen(loaded: "Loaded", name: str) -> Mapping[str, Any] | None:
    """The finding as the history has it; None where it has none."""
    from mlops_cli.ledger.history import named  # noqa: PLC0415

    found = named(Path(loaded.folder) / loaded.settings.report.state, name)
    held = [f for f in found if f["status"] != "recovered"] or found
    if len(held) > 1:
        ids = ", ".join(f["id"] for f in held)
        raise UsageError(f"{len(held)} findings of {name}", "the command line", f"name one of: {ids}")
    return held[0] if held else None


def _append(loaded: "Loaded", kind: str, entry: dict[str, Any]) -> str:
    from mlops_cli.ledger.decisions import append, beside  # noqa: PLC0415

    path = beside(loaded.folder)
    append(path, kind, entry)
    return path.as_posix()


def _known(series: str) -> None:
    """The code before the first slash is a metric, or a pattern."""
    from mlops_cli.errors import unknown  # noqa: PLC0415
    from mlops_cli.metrics.registry import METRICS  # noqa: PLC0415

    code = series.split("/", 1)[0]
    if "*" not in code and code not in METRICS:
        raise unknown("metric", code, METRICS, "the command line")


def _moment(text: str, zone: str, *, end: bool = False) -> datetime:
    from mlops_cli.cli.moments import moment  # noqa: PLC0415

    return moment(text, zone, end=end)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
