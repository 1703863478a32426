"""An application on a socket until it is told to end."""

import socket
from collections.abc import Callable

import uvicorn

from mlops_cli.errors import UsageError
from mlops_cli.live.guard import Guard

AT_ONCE = 64  # requests; a further one is told to come again
IDLE = 10  # seconds that a connection may wait
LAST = 2  # seconds for what is under way when it ends


def run(app: Guard, host: str, port: int, told: Callable[[str], None]) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    app : what is served
    host : address to listen at
    port : 0: any that is free
    told : called with the address when it is listened at

    Raises
    ------
    UsageError
        Where the address cannot be had.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except (OSError, OverflowError) as error:
        taken.close()
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot listen: {why}", f"{host}:{port}", "choose another --port") from None
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        server_header=False,
        limit_concurrency=AT_ONCE,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=LAST,
        ws="none",
        lifespan="off",
    )
    shown = f"[{host}]" if ":" in host else host
    told(f"http://{shown}:{taken.getsockname()[1]}/")
    try:
        uvicorn.Server(config).run(sockets=[taken])
    finally:
        taken.close()
