"""`serve`: reports for programs: JSON, Prometheus, Flagger's webhooks; every answer is there beforehand.

Argo Rollouts' web provider takes JSON (docs/analysis/web.md); a webhook of Flagger is answered by its status:
2xx goes on, anything else halts (docs/gitbook/usage/webhooks.md). Without an answer nothing goes on and
nothing is rolled back.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from mlops_cli.live.guard import LOOPBACK, Guard
from mlops_cli.live.prepared import Answer, Prepared
from mlops_cli.render.registry import RENDERERS
from mlops_cli.render.words import conclusion
from mlops_cli.result.report import Report
from mlops_cli.result.verdict import Action

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
GO = (Action.RAMP, Action.PROMOTE)
PATIENCE = 8.0  # seconds for a first answer; Flagger and Argo wait 10 by default
NAME = 200  # letters of an arm

Pair = tuple[str, str]


class Rollouts:
    """Comparisons of two arms, each prepared from when it is first asked for.

    Parameters
    ----------
    begin : control, treatment → a started Prepared
    first : the pair that is meant where none is named; empty names: the configuration's
    most : pairs that are kept up; a further one is refused

    """

    def __init__(self, begin: Callable[[str, str], Prepared], first: Pair, most: int = 8) -> None:
        self._begin, self._first, self._most = begin, first, most
        self._pairs: dict[Pair, Prepared] = {}

    def of(self, control: str, treatment: str) -> Prepared | None:
        """The comparison of these arms; None where there are too many already."""
        pair = (control, treatment) if control or treatment else self._first
        if pair not in self._pairs:
            if len(self._pairs) >= self._most and not self._dropped():
                return None
            self._pairs[pair] = self._begin(*pair)
        return self._pairs[pair]

    def _dropped(self) -> bool:
        """Give up a pair that never had an answer, as one of names that no log has."""
        for pair, prepared in self._pairs.items():
            if pair != self._first and prepared.latest.report is None and prepared.latest.trouble:
                prepared.stop(0.0)
                del self._pairs[pair]
                return True
        return False

    def all(self) -> list[Prepared]:
        """Those that were asked for."""
        return list(self._pairs.values())


@dataclass(frozen=True)
class Answers:
    """A handler an address: what is asked for is there already, or it says that it is not.

    Parameters
    ----------
    monitor : the report of `monitor`
    rollouts : those of `canary`

    """

    monitor: Prepared
    rollouts: Rollouts

    async def health(self, _: Request) -> Response:
        """Whether the process works; not whether the model does."""
        if not all(p.alive for p in (self.monitor, *self.rollouts.all())):
            return JSONResponse({"status": "stopped"}, 503)
        return JSONResponse({"status": "ok" if self.monitor.latest.report else "starting"})

    async def ready(self, _: Request) -> Response:
        """Whether there is an answer, and how old it is."""
        answer = self.monitor.latest
        if answer.report is None:
            return _none(answer)
        return JSONResponse({"status": "stale" if answer.trouble else "ok", **_age(answer)})

    async def metrics(self, _: Request) -> Response:
        """The exposition that Prometheus scrapes."""
        return Response(await run_in_threadpool(_exposition, self.monitor.latest), media_type=EXPOSITION)

    async def monitored(self, _: Request) -> Response:
        """The report of `monitor` as JSON."""
        return await _report(self.monitor.latest)

    async def canary(self, request: Request) -> Response:
        """The report of `canary` as JSON; 200 whatever its verdict, as Argo's conditions read it."""
        asked = request.query_params
        prepared = self.rollouts.of(asked.get("control", "")[:NAME], asked.get("treatment", "")[:NAME])
        if prepared is None:
            return _problem("too many pairs of arms are asked for", 429)
        return await _report(await run_in_threadpool(prepared.after, 0, PATIENCE))

    async def gate(self, request: Request) -> Response:
        """Go on while the verdict is ramp or promote."""
        report, problem = await _asked(request, self.rollouts)
        if report is None:
            return problem
        go = report.verdict.action in GO
        return PlainTextResponse(f"{conclusion(report)}\n", 200 if go else 409)

    async def rollback(self, request: Request) -> Response:
        """Roll back while the verdict is rollback."""
        report, problem = await _asked(request, self.rollouts)
        if report is None:
            return problem
        back = report.verdict.action is Action.ROLLBACK
        return PlainTextResponse(f"{conclusion(report)}\n", 200 if back else 409)


def app(
    answers: Answers, more: Sequence[Route], hosts: tuple[str, ...] = LOOPBACK, token: str | None = None
) -> Guard:
    """The application, guarded; `more` are routes of the page, `hosts` and `token` as `Guard` has them."""
    routes: list[BaseRoute] = [
        Route("/healthz", answers.health),
        Route("/readyz", answers.ready),
        Route("/metrics", answers.metrics),
        Route("/v1/monitor", answers.monitored),
        Route("/v1/canary", answers.canary),
        Route("/v1/flagger/gate", answers.gate, methods=["POST"]),
        Route("/v1/flagger/rollback", answers.rollback, methods=["POST"]),
    ]
    return Guard(Starlette(routes=[*routes, *more]), hosts, token)


async def _asked(request: Request, rollouts: Rollouts) -> tuple[Report | None, Response]:
    """The rollout that a webhook of Flagger speaks of, or why there is no answer."""
    try:
        sent = json.loads(await request.body())
        metadata = sent.get("metadata") or {}
        names = [str(metadata.get(k, "")) for k in ("control", "treatment")]
    except (ValueError, AttributeError):
        return None, _problem("the body is no webhook of Flagger: {name, namespace, phase, metadata}", 400)
    if any(len(n) > NAME for n in names):
        return None, _problem(f"an arm has at most {NAME} letters", 400)
    prepared = rollouts.of(*names)
    if prepared is None:
        return None, _problem("too many pairs of arms are asked for", 429)
    answer = await run_in_threadpool(prepared.after, 0, PATIENCE)
    if answer.report is None or answer.trouble:  # an old answer moves no traffic
        return None, _none(answer)
    return answer.report, Response()


async def _report(answer: Answer) -> Response:
    if answer.report is None:
        return _none(answer)
    text = await run_in_threadpool(_said, "json", answer.report)
    stale = {"x-mlops-trouble": " ".join(answer.trouble.split())[:500]} if answer.trouble else {}
    safe = {k: v.encode("ascii", "replace").decode() for k, v in stale.items()}
    return Response(text, media_type="application/json", headers=safe)


def _exposition(answer: Answer) -> str:
    """Of the newest report, and whether there is one: a monitor that is silent must be noticed."""
    gauges = {
        "mlops_up": (
            "1 while the newest look at the logs gave an answer.",
            float(bool(answer.report) and not answer.trouble),
        ),
        "mlops_report_made_timestamp_seconds": ("When the report was made.", _unix(answer.made)),
        "mlops_logs_looked_at_timestamp_seconds": ("When the logs were looked at.", _unix(answer.looked)),
        "mlops_report_duration_seconds": ("How long the report took.", answer.seconds or None),
    }
    own = "".join(
        f"# HELP {name} {told}\n# TYPE {name} gauge\n{name} {value!r}\n"
        for name, (told, value) in gauges.items()
        if value is not None
    )
    return (_said("prometheus", answer.report) if answer.report else "") + own


def _unix(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


def _said(form: str, report: Report) -> str:
    out = StringIO()
    RENDERERS[form](report, out)
    return out.getvalue()


def _age(answer: Answer) -> Mapping[str, float]:
    return {"age_seconds": round((datetime.now(UTC) - answer.made).total_seconds(), 1)} if answer.made else {}


def _none(answer: Answer) -> Response:
    """No report yet, or none that is new enough to act on."""
    return _problem(answer.trouble or "the logs are being read for the first time", 503)


def _problem(text: str, status: int) -> Response:
    what, *rest = (line.strip() for line in text.splitlines())
    parts = dict(line.split(": ", 1) for line in rest if ": " in line)
    told = {"what": what.removeprefix("mlops: "), "at": parts.get("at", ""), "do": parts.get("do", "")}
    headers = {"retry-after": "5"} if status in {429, 503} else {}
    return JSONResponse({"error": told}, status, headers)
