"""Who may ask, and how much: host names, a token, the size of a body, and how many at once."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "mlops_token"
BODY = 65_536  # bytes; a webhook of Flagger has some hundred
QUERY = 4_096  # bytes
SLOW = 10.0  # seconds for a body to come; who dribbles keeps a place that others want
LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
SAFE = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}

Next = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """Stands before an application.

    Parameters
    ----------
    app : what is asked
    hosts : names by which it may be called (a page elsewhere must not reach it by a name of its own); none:
        any name
    token : None: nobody needs one

    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...] = LOOPBACK, token: str | None = None) -> None:
        self.app, self.hosts, self.token = app, hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        refused = self._refused(scope, headers)
        if refused is not None:
            await refused(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in SAFE.items()),
                ]
            await send(message)

        try:
            body = await asyncio.wait_for(_body(receive), SLOW)
        except TimeoutError:
            await PlainTextResponse("the body did not come\n", 408)(scope, receive, send)
            return
        except OverflowError:
            await PlainTextResponse(f"a body has at most {BODY} bytes\n", 413)(scope, receive, send)
            return
        await self.app(scope, _again(body, receive), answer)

    def _refused(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        name = headers.get("host", "")
        bare = name.rpartition(":")[0] if name.rpartition(":")[2].isdecimal() else name
        if self.hosts and bare not in self.hosts:
            return PlainTextResponse("this host name is not served here\n", 421)
        if len(scope["query_string"]) > QUERY:
            return PlainTextResponse(f"a query has at most {QUERY} bytes\n", 414)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY:
            return PlainTextResponse(f"a body has at most {BODY} bytes\n", 413)
        return self._unknown(scope, headers)

    def _unknown(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        if self.token is None or scope["path"] == "/healthz":
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        asked = query.get("token", [""])[0]
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if any(secrets.compare_digest(t.encode(), self.token.encode()) for t in (bearer, _cookie(headers))):
            return None
        if not secrets.compare_digest(asked.encode(), self.token.encode()):
            told = {"www-authenticate": 'Bearer realm="mlops"'}
            return PlainTextResponse("a token is needed: Authorization: Bearer TOKEN\n", 401, told)
        if scope["method"] != "GET" or scope["path"] != "/":
            return None
        # A browser keeps it in a cookie, so that it stays out of the address bar and its history.
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, self.token, httponly=True, samesite="strict")
        return response


def _cookie(headers: dict[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


async def _body(receive: Receive) -> bytes:
    """All of it, however it was sent."""
    out = bytearray()
    while True:
        message = await receive()
        out += message.get("body", b"")
        if len(out) > BODY:
            raise OverflowError
        if not message.get("more_body", False):
            return bytes(out)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body, handed on in one piece."""
    sent = False

    async def once() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once
