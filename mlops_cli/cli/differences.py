"""Differences: where two reports of the same logs part."""

from collections.abc import Mapping, Sequence
from typing import Any

# In the order in which one explains the other: other rows, other settings, other decisions, another verdict.
ORDER = (
    "schema",
    "command",
    "now",
    "sources",
    "digests",
    "details",
    "judgement",
    "tables",
    "verdict",
    "exit_code",
    "level",
)
NOT_COMPARED = ("generated", "tool", "notes", "quarantine")
CHANGES, SETTINGS = "changes", "configuration:"  # a table, and how what only the history knows begins
BEHIND = ("path", "fingerprint")  # of a source: it may lie elsewhere; its rows count


def first_difference(saved: Mapping[str, Any], fresh: Mapping[str, Any]) -> str:
    """The first difference in words, empty where there is none.

    Parameters
    ----------
    saved, fresh : JSON of two reports

    """
    one, two = _of_logs(saved), _of_logs(fresh)
    for key in ORDER:
        found = _compare(key, one.get(key), two.get(key))
        if found:
            return found
    return ""


def _of_logs(report: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the history of earlier runs has told: it is no fact of the logs."""
    tables = []
    for table in report.get("tables", ()):
        if table["name"] == CHANGES:
            kept = [row for row in table["rows"] if not str(row[1]).startswith(SETTINGS)]
            tables += [{**table, "rows": kept}] if kept else []
        else:
            tables.append(table)
    return {**report, "tables": tables}


def _compare(path: str, a: Any, b: Any) -> str:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        keys = [k for k in dict.fromkeys([*a, *b]) if not (path.startswith("sources") and k in BEHIND)]
        return next((d for d in (_compare(f"{path}.{k}", a.get(k), b.get(k)) for k in keys) if d), "")
    if _listed(a) and _listed(b):
        return _lists(path, a, b)
    return "" if a == b else f"{path} was {_short(a)}, is {_short(b)}"


def _lists(path: str, a: Sequence[Any], b: Sequence[Any]) -> str:
    one, two = _names(a), _names(b)
    lost = next((n for n in one if n not in two), None)
    if lost is not None:
        return f"{path} had {lost}, which is gone"
    new = next((n for n in two if n not in one), None)
    if new is not None:
        return f"{path} has {new}, which was not there"
    for name, x, y in zip(one, a, (b[two.index(n)] for n in one), strict=True):
        found = _compare(f"{path}[{name}]", x, y)
        if found:
            return found
    return ""


def _names(rows: Sequence[Any]) -> list[str]:
    """What tells the entries apart: a finding's id, a table's name, else the place."""
    keys = [next((str(r[k]) for k in ("id", "name") if isinstance(r, Mapping) and k in r), "") for r in rows]
    return (
        [key or str(i) for i, key in enumerate(keys)]
        if len(set(keys)) == len(keys)
        else [str(i) for i in range(len(rows))]
    )


def _listed(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _short(value: Any) -> str:
    text = "missing" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
