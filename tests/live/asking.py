"""One request to an ASGI application, without a network."""

import asyncio
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    status: int
    headers: dict
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


def ask(app, path, method="GET", body=b"", headers=None, chunks=None):
    """The answer to one request; `chunks` sends the body piece by piece, without its length."""
    path, _, query = path.partition("?")
    sent = {"host": "127.0.0.1:8178", **(headers or {})}
    if chunks is None:
        sent.setdefault("content-length", str(len(body)))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.encode(), v.encode()) for k, v in sent.items()],
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 8178),
    }
    parts = list(chunks) if chunks is not None else [body]
    said = []

    async def receive():
        if parts:
            part = parts.pop(0)
            if part is None:  # never comes
                await asyncio.sleep(60)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}
        await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def send(message):
        said.append(message)

    asyncio.run(app(scope, receive, send))
    start = next(m for m in said if m["type"] == "http.response.start")
    body = b"".join(m.get("body", b"") for m in said if m["type"] == "http.response.body")
    return Said(start["status"], {k.decode().lower(): v.decode() for k, v in start["headers"]}, body)
