"""`mlops serve`: the reports over HTTP: JSON, Prometheus, Argo Rollouts, Flagger."""

from functools import partial
from typing import Annotated

from typer import Option

from mlops_cli.cli.arms import Arms
from mlops_cli.cli.ask import Ask
from mlops_cli.cli.registry import REPORTS
from mlops_cli.cli.watching import Every, Host, Remote, checked, needs_serve, notified, said, state, token

PORT = 8_000


def command(
    ask: Ask,
    host: Host = "127.0.0.1",
    port: Annotated[int, Option(help="Port; 0: any that is free.")] = PORT,
    allow_remote: Remote = False,
    every: Every = 10,
    control: Annotated[str, Option(metavar="NAME", help="Arms of /v1/canary and Flagger.")] = "",
    treatment: Annotated[str, Option(metavar="NAME", help="The arm that is to take over.")] = "",
) -> int:
    """Serve reports that are made ahead of the request, whenever the logs have changed.

    GET /metrics (Prometheus), /v1/monitor, /v1/canary?control=A&treatment=B (the report as JSON), / (the
    page), /healthz, /readyz; POST /v1/flagger/gate and /v1/flagger/rollback. It listens to this machine
    alone unless told otherwise.
    """
    hosts = checked(host, remote=allow_remote, port=port)
    needs_serve()
    from mlops_cli.live.prepared import Prepared  # noqa: PLC0415
    from mlops_cli.live.run import run  # noqa: PLC0415 # starlette, uvicorn
    from mlops_cli.live.serve import Answers, Rollouts, app  # noqa: PLC0415
    from mlops_cli.live.web import Page  # noqa: PLC0415

    logs = state(ask)

    def begin(one: str, other: str) -> Prepared:
        arms = Arms(control=one, treatment=other)
        return Prepared(lambda: REPORTS["canary"](ask, arms), logs, every).start()

    monitor = Prepared(lambda: REPORTS["monitor"](ask), logs, every, partial(notified, ask)).start()
    rollouts = Rollouts(begin, (control, treatment))
    if control or treatment:
        rollouts.of(control, treatment)
    served = app(Answers(monitor, rollouts), Page(monitor).routes, hosts, token())
    run(served, host, port, said)
    monitor.stop()
    return 0
