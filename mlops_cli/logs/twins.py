"""Access logs that hold the same requests in several forms: one is read, the one that says most."""

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from mlops_cli.logs.format import LogFile

FORMATS = ("nginx", "nginx-json")
FEWEST = 3  # requests that are compared at least
MOST = 200


def without_twins(
    files: Sequence[LogFile], sample: Callable[[LogFile], pl.DataFrame]
) -> tuple[list[LogFile], list[str]]:
    """The files without twins, and what is said of these.

    nginx writes a request into every `access_log` of its configuration. Two of one folder whose columns
    differ and whose first requests are the same in order, second, status and size are the same log twice.
    """
    groups: dict[Path, list[LogFile]] = {}
    for file in files:
        if file.format in FORMATS:
            groups.setdefault(Path(file.shown).parent, []).append(file)
    twins: dict[str, LogFile] = {}
    for group in groups.values():
        if len({frozenset(f.columns) for f in group}) > 1:
            _compare(group, sample, twins)
    said: dict[str, list[str]] = {}
    for file in files:
        if file.path in twins:
            said.setdefault(twins[file.path].shown, []).append(file.shown)
    notes = [
        f"{', '.join(shown)}: the same requests as {best}, which says more of them: not read"
        for best, shown in said.items()
    ]
    return [f for f in files if f.path not in twins], notes


def _compare(
    group: Sequence[LogFile], sample: Callable[[LogFile], pl.DataFrame], twins: dict[str, LogFile]
) -> None:
    ranked = sorted(group, key=lambda f: (-len(f.columns), f.shown))
    first = {f.path: _first(sample(f)) for f in ranked}
    for i, best in enumerate(ranked):
        if best.path in twins:
            continue
        for other in ranked[i + 1 :]:
            alike = set(other.columns) != set(best.columns) and _same(first[best.path], first[other.path])
            if alike and other.path not in twins:
                twins[other.path] = best


def _first(rows: pl.DataFrame) -> list[tuple[object, ...]]:
    wanted = ("timestamp", "status", "output_bytes")
    if not set(wanted) <= set(rows.columns):
        return []
    second = pl.col("timestamp").dt.truncate("1s")
    return rows.head(MOST).select(second, "status", "output_bytes").rows()


def _same(one: list[tuple[object, ...]], other: list[tuple[object, ...]]) -> bool:
    n = min(len(one), len(other))
    return n >= FEWEST and one[:n] == other[:n]
