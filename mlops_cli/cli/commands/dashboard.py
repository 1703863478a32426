"""`mlops dashboard`: the report while the logs grow, in the terminal or as a live page."""

import sys
from typing import TYPE_CHECKING, Annotated

from typer import Option

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.registry import REPORTS
from mlops_cli.cli.watching import Every, Host, Remote, checked, needs_serve, said, state, token

if TYPE_CHECKING:
    from mlops_cli.live.prepared import Prepared

PORT = 8_001


def command(
    ask: Ask,
    web: Annotated[bool, Option("--web", help="A page for the browser instead.")] = False,
    host: Host = "127.0.0.1",
    port: Annotated[int, Option(help="Of --web; 0: any that is free.")] = PORT,
    allow_remote: Remote = False,
    every: Every = 5,
) -> int:
    """Show load, outputs, missing inputs, latency, drift and the verdict, renewed as the logs grow.

    Only what is new is read: what was counted of each file is kept. In the terminal q quits, and the exit
    code is that of the last verdict.
    """
    hosts = checked(host, remote=allow_remote, port=port)
    from mlops_cli.live.prepared import Prepared  # noqa: PLC0415

    prepared = Prepared(lambda: REPORTS["monitor"](ask), state(ask), every)
    if not web:
        return _terminal(prepared.start(), " ".join(ask.paths) or "the logs of mlops.toml")
    needs_serve()
    from mlops_cli.live.run import run  # noqa: PLC0415 # starlette, uvicorn
    from mlops_cli.live.web import app  # noqa: PLC0415

    run(app(prepared.start(), hosts, token()), host, port, said)
    prepared.stop()
    return 0


def _terminal(prepared: "Prepared", names: str) -> int:
    from mlops_cli.live.terminal import once, watch  # noqa: PLC0415 # rich

    seen = sys.stdout.isatty() and sys.stdin.isatty()
    code = watch(prepared, names) if seen else once(prepared, names)
    prepared.stop()
    return code
