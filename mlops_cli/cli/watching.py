"""What `serve` and `dashboard` hand to `live`: how a report is made, and what the logs are now."""

import os
import sys
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from mlops_cli.cli.ask import Ask
from mlops_cli.errors import UsageError

if TYPE_CHECKING:
    from mlops_cli.result.report import Report

LOOPBACK = ("127.0.0.1", "::1", "localhost")
TOKEN = "MLOPS_TOKEN"  # noqa: S105 # a name

Host = Annotated[str, Option(help="Address to listen at.")]
Remote = Annotated[bool, Option("--allow-remote", help=f"Any host may ask; needs a token in {TOKEN}.")]
Every = Annotated[int, Option(min=1, max=86_400, metavar="SECONDS", help="Between two looks at the logs.")]


def checked(host: str, *, remote: bool, port: int) -> tuple[str, ...]:
    """Names by which the server may be called; none: any.

    Raises
    ------
    UsageError
        Where it would listen beyond this machine and nobody has said so, or there is no token.

    """
    if not 0 <= port <= 65_535:
        raise UsageError(f"{port} is no port", "--port", "write a number from 0 (any that is free) to 65535")
    if host in LOOPBACK and not remote:
        return (*LOOPBACK, "[::1]")
    if not remote:
        raise UsageError(
            f"{host} is more than this machine",
            "--host",
            f"pass --allow-remote and set {TOKEN}, or leave it out",
        )
    if len(token() or "") < 16:
        raise UsageError(
            f"no token of at least 16 letters in {TOKEN}",
            "--allow-remote",
            f"{TOKEN}=$(openssl rand -hex 24) mlops ...",
        )
    return ()


def token() -> str | None:
    """What a caller has to show; None: nothing."""
    return os.environ.get(TOKEN) or None


def needs_serve() -> None:
    """Say which extra is missing before anything is read."""
    try:
        import starlette  # noqa: F401, PLC0415
        import uvicorn  # noqa: F401, PLC0415
    except ImportError:
        raise UsageError(
            "starlette and uvicorn are not installed", "", 'in the checkout: pip install ".[serve]"'
        ) from None


def said(url: str) -> None:
    """Where it is served, for a person to open."""
    sys.stderr.write(f"mlops: serving at {url}\n")
    sys.stderr.flush()


def notified(ask: Ask, report: "Report") -> None:
    """Tell others, as `monitor` does after a run."""
    from mlops_cli.cli.asked import ready  # noqa: PLC0415 # polars
    from mlops_cli.cli.notifying import tell_others  # noqa: PLC0415
    from mlops_cli.cli.steps import State  # noqa: PLC0415

    loaded = ready(ask)
    tell_others(report, ask, loaded, State(ask, loaded).folder)


def state(ask: Ask) -> Callable[[], Hashable]:
    """Names, sizes and times of all logs, of the configuration and of what was decided."""
    if "-" in ask.paths:
        raise UsageError("standard input is read once", "-", "name files or folders that grow")

    def now() -> Hashable:
        from mlops_cli.cli.asked import ready  # noqa: PLC0415 # polars
        from mlops_cli.ledger.decisions import beside  # noqa: PLC0415
        from mlops_cli.logs.find import find  # noqa: PLC0415

        loaded = ready(ask)
        files = [c.path for c in find(ask.paths, loaded.settings, loaded.folder).files]
        files += [loaded.path, str(beside(loaded.folder)), ask.known]
        return tuple((name, *_stamp(name)) for name in files if name)

    return now


def _stamp(name: str) -> tuple[Any, ...]:
    try:
        found = Path(name).stat()
    except OSError:
        return ()
    return (found.st_size, found.st_mtime_ns)
