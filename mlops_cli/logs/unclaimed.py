"""Why a file is not read: what it is instead of a log, told from its first bytes, and what to do."""

import re
from dataclasses import dataclass

from mlops_cli.logs.csv_lines import twice_named
from mlops_cli.logs.json_lines import parse

CONVERT = "write it as UTF-8: iconv -f {} -t UTF-8 FILE"
UTF16 = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
NAME = "name its columns: --column ROLE=COLUMN, or [sources.NAME.columns]"
_TEXT = bytes(range(32, 127)) + b"\t\r\n\0"
_SCRAPE = re.compile(rb"^# (?:HELP|TYPE|UNIT|EOF)\b", re.MULTILINE)
_SERVER = re.compile(rb"^(?:INFO|WARNING|ERROR):\s", re.MULTILINE)
_STARTED = (b"Started server process", b"Uvicorn running on", b"Waiting for application startup")
_NGINX = re.compile(rb"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[[a-z]+\] \d+#\d+: ", re.MULTILINE)


@dataclass(frozen=True)
class Reason:
    """What the file is, and what to do; both without the file's name."""

    what: str
    do: str


UNKNOWN = Reason("no format claims it", "")


def told(path: str, why: Reason) -> str:
    """One sentence."""
    return f"{path}: {why.what}" if why == UNKNOWN else f"{path}: not read: {why.what}; {why.do}"


def reason(start: bytes, claimed: str = "") -> Reason:
    """Of a file that is no log.

    Parameters
    ----------
    start : its first bytes, decompressed
    claimed : the format that took it for one of its files, but knows no column of it

    """
    return _of_bytes(start) or _of_server(start) or _of_table(start, claimed) or UNKNOWN


def _of_bytes(start: bytes) -> Reason | None:
    """Of what is no UTF-8 text."""
    name = UTF16.get(start[:2]) or _wide(start[:400])
    if name:
        return Reason(f"{name} text, UTF-8 is read", CONVERT.format(name))
    if b"\0" not in start:
        return None
    if len(start.translate(None, _TEXT)) > len(start) / 20:
        return Reason("binary, neither text nor Parquet", "leave it out")
    at = start.index(b"\0")
    return Reason(
        f"NUL bytes in its text, the first at byte {at:,} (a file that was cut by a crash has them)",
        "take them out: tr -d '\\000' < FILE",
    )


def _wide(start: bytes) -> str:
    """UTF-16 without a mark: in plain text every other byte is NUL."""
    pairs = len(start) // 2
    for name, first in (("UTF-16LE", 1), ("UTF-16BE", 0)):
        zeros = start[first::2].count(0)
        if pairs > 4 and zeros > 0.8 * pairs and start[1 - first :: 2].count(0) < 0.2 * pairs:
            return name
    return ""


def _of_server(start: bytes) -> Reason | None:
    """Of what servers write beside their logs of requests."""
    if _NGINX.match(start):
        return Reason("nginx's error log: messages, no requests", "name its access log")
    if _SCRAPE.match(start):
        return Reason("a scrape of Prometheus, which is not read yet", "leave it out")
    if _SERVER.match(start) and any(words in start for words in _STARTED):
        return Reason(
            "messages of uvicorn, none of a request", "let uvicorn write its access log (no --no-access-log)"
        )
    record, _ = parse(start.split(b"\n", 1)[0])
    if record is not None and {"component_name", "timestamp_ns", "message"} <= set(record):
        who = record["component_name"]
        name = f"'s {who}" if who in ("controller", "proxy", "replica") else ""
        what = f"messages of Ray Serve{name}, none of a request"
        return Reason(what, "name the logs of its proxy and replicas")
    return None


def _of_table(start: bytes, claimed: str) -> Reason | None:
    """Of columns that nobody can tell apart, or whose names mean nothing."""
    twice = twice_named(start)
    if twice:
        return Reason(
            f"the header has the column '{twice}' twice: which of them is meant cannot be told",
            "give each column a name of its own",
        )
    if claimed in ("jsonl", "csv"):
        what = "JSON" if claimed == "jsonl" else "CSV"
        return Reason(f"{what}, but no name of a column is known", NAME)
    return None
