"""`jsonl`: a line a thing, for log shippers and line tools; `type` says what it is."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from mlops_cli.result.report import Report

# Parts of the report that become lines of their own.
LISTS = ("sources", "tables", "quarantine", "notes", "details")


def render(report: Report, out: TextIO) -> None:
    """The run first, then its findings, worst first, then all that was read and drawn from; in ASCII."""
    whole = report.to_dict()
    lines = ({"type": kind, "now": whole["now"], **line} for kind, line in _lines(whole))
    out.writelines(json.dumps(line, allow_nan=False) + "\n" for line in lines)


def _lines(whole: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    judgement = {k: v for k, v in whole["judgement"].items() if k != "findings"}
    yield "run", {**{k: v for k, v in whole.items() if k not in LISTS}, "judgement": judgement}
    yield from (("finding", f) for f in whole["judgement"]["findings"])
    yield from (("detail", {"of": name, "detail": detail}) for name, detail in whole["details"].items())
    yield from (("source", s) for s in whole["sources"])
    yield from (("quarantined", q) for q in whole["quarantine"])
    yield from (("note", {"note": n}) for n in whole["notes"])
    for table in whole["tables"]:
        for row in table["rows"]:
            yield "row", {"table": table["name"], "row": dict(zip(table["columns"], row, strict=False))}
