"""The page of a report while logs grow: `/`, what changes of it, and events that say when."""

import asyncio
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from mlops_cli.live.guard import LOOPBACK, Guard
from mlops_cli.live.prepared import Prepared
from mlops_cli.render.document import body, page

STREAMS = 16  # pages that listen at once
LOOK = 0.25  # seconds between two looks at the answer
BEAT = 15.0  # seconds after which an idle stream says that it is there
WAITING = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<title>mlops</title></head><body><p>{}</p></body></html>
"""


class Page:
    """Three addresses; a page that is asked for before there is a report says so and asks again."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._listening = 0

    @property
    def routes(self) -> list[Route]:
        """Where they are."""
        return [Route("/", self.whole), Route("/page", self.inside), Route("/events", self.events)]

    async def whole(self, _: Request) -> Response:
        """The document."""
        answer = self._prepared.latest
        if answer.report is None:
            return HTMLResponse(WAITING.format(_plain(answer.trouble) or "reading the logs ..."), 503)
        return HTMLResponse(await run_in_threadpool(page, answer.report, live=str(answer.revision)))

    async def inside(self, _: Request) -> Response:
        """What changes of it."""
        answer = self._prepared.latest
        if answer.report is None:
            return PlainTextResponse(answer.trouble or "reading the logs", 503)
        return HTMLResponse(await run_in_threadpool(body, answer.report))

    async def events(self, request: Request) -> Response:
        """`report` when there is a new one, `trouble` when there should be."""
        if self._listening >= STREAMS:
            return PlainTextResponse(f"{STREAMS} pages listen already\n", 503)
        return StreamingResponse(self._listen(request), media_type="text/event-stream")

    async def _listen(self, request: Request) -> AsyncIterator[str]:
        self._listening += 1
        try:
            since = request.query_params.get("since", "")  # the page was made before it listened
            seen = int(since) if since.isdecimal() else self._prepared.latest.revision
            idle = 0.0
            yield "retry: 2000\n\n"
            while not await request.is_disconnected():
                answer = self._prepared.latest
                if answer.revision != seen:
                    seen, idle = answer.revision, 0.0
                    yield _event("trouble", answer.trouble) if answer.trouble else _event("report", str(seen))
                elif idle > BEAT:
                    idle = 0.0
                    yield ": here\n\n"
                await asyncio.sleep(LOOK)
                idle += LOOK
        finally:
            self._listening -= 1


def app(prepared: Prepared, hosts: tuple[str, ...] = LOOPBACK, token: str | None = None) -> Guard:
    """The page alone, guarded; `hosts` and `token` as `Guard` has them."""

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok\n" if prepared.alive else "stopped\n", 200 if prepared.alive else 503)

    return Guard(Starlette(routes=[*Page(prepared).routes, Route("/healthz", health)]), hosts, token)


def _event(name: str, text: str) -> str:
    return f"event: {name}\ndata: {' '.join(text.split())}\n\n"


def _plain(text: str) -> str:
    """Without anything that a browser reads as a tag."""
    return text.replace("&", "&amp;").replace("<", "&lt;")
