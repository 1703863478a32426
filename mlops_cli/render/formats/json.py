"""`json`: the report itself; every other format can be made of it."""

import json
from typing import Any, TextIO

from mlops_cli.result.report import Report

WIDE = 100  # a value longer than this is laid out over several lines


def render(report: Report, out: TextIO) -> None:
    """One object in ASCII, the same bytes in every encoding; a finding, source or row of a table a line."""
    out.write(_laid(report.to_dict(), 0) + "\n")


def _laid(value: Any, depth: int) -> str:
    text = _line(value)
    if len(text) <= WIDE or not isinstance(value, dict | list) or _flat(value):
        return text
    inner, outer = " " * (depth + 1), " " * depth
    if isinstance(value, dict):
        parts = [f"{_line(k)}: {_laid(v, depth + 1)}" for k, v in value.items()]
        return "{\n" + ",\n".join(inner + p for p in parts) + f"\n{outer}}}"
    return "[\n" + ",\n".join(inner + _laid(v, depth + 1) for v in value) + f"\n{outer}]"


def _flat(value: dict[str, Any] | list[Any]) -> bool:
    """A row of a table, a source: a container of plain values."""
    inner = value.values() if isinstance(value, dict) else value
    return not any(isinstance(v, dict | list) and v for v in inner)


def _line(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
