"""Telling others: webhook, Alertmanager, apprise, heartbeat; what fails is said and tried again later."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from mlops_cli.live.changes import Changes, changes, recall, remember
from mlops_cli.render.words import conclusion, place, sentence
from mlops_cli.result.finding import Finding
from mlops_cli.result.report import Report
from mlops_cli.result.scope import iso

PATIENCE = 10.0  # seconds
SHOWN = 20  # findings in a text; the others are counted
LABELS = ("model", "component", "arm", "segment", "field")

Post = Callable[[str, bytes], None]
Chat = Callable[[str, str, str], None]


@dataclass(frozen=True)
class Targets:
    """Where to tell it, addresses in full; empty: not there.

    Parameters
    ----------
    on : `warning`, `alarm`, `recovered`
    webhook, alertmanager, heartbeat : URLs of http or https
    urls : of apprise
    lasting : how long an alert holds at Alertmanager unless it is renewed

    """

    on: tuple[str, ...] = ("alarm", "recovered")
    webhook: str = ""
    alertmanager: str = ""
    urls: tuple[str, ...] = ()
    heartbeat: str = ""
    lasting: timedelta = timedelta(days=2)

    def all(self) -> list[tuple[str, str]]:
        """Kind and address of each that takes findings."""
        kinds = [("webhook", self.webhook), ("alertmanager", self.alertmanager)]
        return [(k, a) for k, a in [*kinds, *(("apprise", u) for u in self.urls)] if a]


@dataclass(frozen=True)
class Way:
    """How something leaves the machine; a test or a dry run puts its own there."""

    post: Post
    chat: Chat


class UnsentError(Exception):
    """It did not arrive, and why; without the address, which may hold a secret."""


def notify(report: Report, targets: Targets, kept: Path | None, way: Way) -> list[str]:
    """Tell each target what is new to it, then give the heartbeat.

    Parameters
    ----------
    report : of the run that has ended
    targets : who is told
    kept : file of what each was told; None: everything open is told at every run
    way : how

    Returns
    -------
    list of str
        What went wrong, a line each; what did not arrive is told again by the next run.

    """
    before, wrong = recall(kept), list[str]()
    after = {}
    for kind, address in targets.all():
        name = _name(kind, address)
        found = changes(report, before.get(name, {}), targets.on)
        try:
            _tell(kind, address, report, found, targets, way)
        except UnsentError as error:
            wrong.append(f"{kind}: {error}; the next run tells it again")
            after[name] = before.get(name, {})
        else:
            after[name] = dict(found.told)
    lost = remember(kept, after) if after != before else ""
    wrong += [lost] if lost else []
    if targets.heartbeat:
        try:
            way.post(targets.heartbeat, b"")
        except UnsentError as error:
            wrong.append(f"heartbeat: {error}")
    return wrong


def _tell(kind: str, address: str, report: Report, found: Changes, targets: Targets, way: Way) -> None:
    if kind == "alertmanager":
        if found.open or found.recovered:  # it forgets what is not renewed
            way.post(f"{address.rstrip('/')}/api/v2/alerts", _json(alerts(report, found, targets.lasting)))
    elif not found:
        return
    elif kind == "webhook":
        way.post(address, _json(message(report, found)))
    else:
        way.chat(address, *text(report, found))


def send_test(targets: Targets, way: Way) -> list[tuple[str, str]]:
    """Tell each target that this is a test: kind, and what went wrong or nothing."""
    said = "mlops: this is a test, nothing is wrong"
    out = []
    for kind, address in targets.all():
        alert = {"labels": {"alertname": "mlops-test", "severity": "none"}, "annotations": {"summary": said}}
        try:
            if kind == "alertmanager":
                way.post(f"{address.rstrip('/')}/api/v2/alerts", _json([alert]))
            elif kind == "webhook":
                way.post(address, _json({"version": 1, "event": "test", "text": said}))
            else:
                way.chat(address, "mlops", said)
        except UnsentError as error:
            out.append((kind, str(error)))
        else:
            out.append((kind, ""))
    if targets.heartbeat:
        out.append(("heartbeat", "not called: only a finished run calls it"))
    return out


def message(report: Report, found: Changes) -> dict[str, Any]:
    """What a webhook gets."""
    return {
        "version": 1,
        "event": "findings",
        "command": report.command,
        "exit_code": report.exit_code,
        "verdict": report.verdict.to_dict(),
        "now": iso(report.now),
        "text": "\n".join(text(report, found)),
        "opened": [f.to_dict() for f in found.opened],
        "recovered": [f.to_dict() if f else {"id": k} for k, f in found.recovered.items()],
    }


def alerts(report: Report, found: Changes, lasting: timedelta) -> list[dict[str, Any]]:
    """What Alertmanager gets: all that holds, which it deduplicates, and what has ended.

    An alert keeps the level that was told until it recovers; a worse one is another alert, and ends it.
    """
    until, now = iso(report.generated + lasting), iso(report.generated)
    out = []
    for f in found.open:
        out.append(_alert(f.id, f, found.told.get(f.id, f.level.word)) | {"endsAt": until})
        before = found.was.get(f.id)
        if before and before != found.told.get(f.id):
            out.append(_alert(f.id, f, before) | {"endsAt": now})
    for key, one in found.recovered.items():
        out.append(_alert(key, one, found.was.get(key, "alarm")) | {"endsAt": now})
    return out


def _alert(key: str, f: Finding | None, level: str) -> dict[str, Any]:
    """Labels name the series, its level and owner: the same from run to run, so that it stays one alert."""
    code, *parts = (unquote(p) for p in key.split("/"))
    labels = {"alertname": code, "finding": key, "severity": level}
    labels |= {k: v for k, v in zip(LABELS, parts, strict=False) if v}
    alert: dict[str, Any] = {"labels": labels}
    if f is None:
        return alert
    if f.owner:
        labels["owner"] = f.owner
    notes = {"summary": sentence(f), "description": f.advice, "runbook_url": f.runbook or ""}
    return {**alert, "annotations": {k: v for k, v in notes.items() if v}, "startsAt": iso(f.since)}


def text(report: Report, found: Changes) -> tuple[str, str]:
    """Title and lines for people."""
    lines = [_line(f) for f in found.opened]
    lines += [
        f"recovered: {f.code} {place(f)}".rstrip() if f else f"recovered: {unquote(k)}"
        for k, f in found.recovered.items()
    ]
    if len(lines) > SHOWN:
        lines = [*lines[:SHOWN], f"and {len(lines) - SHOWN} more"]
    return f"mlops {report.command}: {conclusion(report)}", "\n".join(lines)


def _line(f: Finding) -> str:
    more = [f"owner {f.owner}" if f.owner else "", f"runbook {f.runbook}" if f.runbook else ""]
    told = "; ".join(part for part in (sentence(f), f.advice, *more) if part)
    return f"{f.level.word}: {told}"


def _name(kind: str, address: str) -> str:
    """A target in the file of what was told, without its address."""
    return f"{kind}-{hashlib.sha256(address.encode()).hexdigest()[:12]}"


def _json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False).encode()


def sending() -> Way:
    """Over the network."""
    return Way(_post, _chat)


def pretending(say: Callable[[str], object]) -> Way:
    """Say what would be sent, and to whom without the secret in its address."""

    def post(address: str, body: bytes) -> None:
        say(f"would post to {_host(address)}: {body.decode() or 'nothing'}")

    def chat(address: str, title: str, lines: str) -> None:
        say(f"would tell {urlsplit(address).scheme}: {title}\n{lines}")

    return Way(post, chat)


class _Same(HTTPRedirectHandler):
    """A redirect is not followed: what was named is where it goes."""

    def redirect_request(self, *_: Any) -> None:
        """No further address."""


def _post(address: str, body: bytes) -> None:
    """One POST; an answer below 300 is success."""
    headers = {"Content-Type": "application/json", "User-Agent": "mlops"}
    try:
        if urlsplit(address).scheme not in {"http", "https"}:
            raise UnsentError("the address is none of http or https")
        request = Request(address, body, headers, method="POST")  # noqa: S310 # its scheme was looked at
        with build_opener(_Same).open(request, timeout=PATIENCE) as answer:
            answer.read(1)
    except HTTPError as error:
        error.close()
        raise UnsentError(f"{_host(address)} answered {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        why = getattr(error, "reason", None) or type(error).__name__
        raise UnsentError(f"{_host(address)} cannot be reached ({why})") from None


def _chat(address: str, title: str, lines: str) -> None:
    try:
        from apprise import Apprise  # noqa: PLC0415 # 0.2 s, and an extra
    except ImportError:
        raise UnsentError('apprise is not installed: in the checkout, pip install ".[notify]"') from None
    sender = Apprise()
    if not sender.add(address):
        raise UnsentError("apprise does not know an address of this form")
    if not sender.notify(title=title, body=lines):
        raise UnsentError(f"{urlsplit(address).scheme} was not reached")


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or "the address"
    except ValueError:
        return "the address"


def secrets_in(names: Collection[str], environment: Mapping[str, str]) -> dict[str, str]:
    """`env:NAME` → its value; those that are not set are absent."""
    found = {n: environment.get(n.removeprefix("env:"), "").strip() for n in names if n}
    return {n: v for n, v in found.items() if v}
