"""`mlops store`: what is in a store, whether it is whole, and what is to go."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from mlops_cli.cli.options import Configured, Facts
from mlops_cli.cli.progress import progress
from mlops_cli.cli.say import columns, tell, tell_json
from mlops_cli.errors import UsageError

if TYPE_CHECKING:
    from mlops_cli.config.settings import Settings
    from mlops_cli.logs.store import Store

Folder = Annotated[str, Argument(metavar="STORE", help="Folder of the store.")]
Yes = Annotated[bool, Option("--yes", help="Do it; without, only say what would go.")]
State = Annotated[
    str, Option(metavar="FOLDER", help="Of the cache that goes too. [.mlops]", envvar="MLOPS_STATE")
]
_USER = re.compile(r"\buser_id\s*=\s*'((?:[^']|'')*)'")


def info(store: Folder, form: Facts = "text") -> int:
    """What a store holds: rows, files, times, sources, and lines that could not be read."""
    from mlops_cli.logs.store import look  # noqa: PLC0415 # msgspec

    manifest = look(Path(store)).manifest
    kinds: dict[str, dict[str, Any]] = {}
    for kept in manifest.files.values():
        one = kinds.setdefault(kept.kind, {"rows": 0, "files": 0, "bytes": 0, "first": "", "last": ""})
        one["rows"], one["files"], one["bytes"] = (
            one["rows"] + kept.rows,
            one["files"] + 1,
            one["bytes"] + kept.bytes,
        )
        if kept.start is not None:
            one["first"] = min(one["first"] or kept.date, kept.date)
            one["last"] = max(one["last"], kept.date)
    lost = {o.shown: n for o in manifest.origins if (n := sum(c.quarantined for c in o.chunks))}
    notes = list(dict.fromkeys(n for o in manifest.origins for c in o.chunks for n in c.notes))
    if form == "json":
        sources = [
            {"path": o.shown, "format": o.format, "bytes": o.end, "rows": o.rows} for o in manifest.origins
        ]
        return tell_json({"kinds": kinds, "sources": sources, "quarantined": lost, "notes": notes})
    table = [("kind", "rows", "files", "MB", "first", "last")]
    for kind, one in sorted(kinds.items()):
        table.append(
            (
                kind,
                f"{one['rows']:,}",
                f"{one['files']:,}",
                f"{one['bytes'] / 1e6:,.1f}",
                one["first"],
                one["last"],
            )
        )
    lines = [
        columns(table),
        "",
        f"{len(manifest.origins):,} source{'s' if len(manifest.origins) != 1 else ''}",
    ]
    lines += [f"{shown}: {n:,} lines could not be read" for shown, n in lost.items()]
    return tell("\n".join([*lines, *notes]))


def verify(store: Folder) -> int:
    """Whether every file is as it was written, and nothing is missing. Exit code 4 where not."""
    from mlops_cli.logs.settle import verify as check  # noqa: PLC0415 # polars
    from mlops_cli.logs.store import look  # noqa: PLC0415
    from mlops_cli.result.exit_code import ExitCode  # noqa: PLC0415

    with progress() as tick:
        found = look(Path(store))
        wrong = check(found, tick)
    if wrong:
        tell("\n".join(wrong))
        return ExitCode.DATA
    rows = sum(k.rows for k in found.manifest.files.values())
    return tell(f"whole: {rows:,} rows in {len(found.manifest.files):,} files")


def compact(store: Folder) -> int:
    """Put the files of each kind and date together: one is read faster than many."""
    from mlops_cli.logs.settle import compact as together  # noqa: PLC0415 # polars
    from mlops_cli.logs.store import locked  # noqa: PLC0415

    with locked(Path(store)) as found:
        _, before, after = together(found)
    return tell(f"{before:,} files are {after:,} now")


def forget(
    store: Folder,
    ask: Configured,
    where: Annotated[str, Option("--where", metavar="SQL", help="Of the rows that go: user_id = 'u17'.")],
    yes: Yes = False,
    state: State = "",
) -> int:
    """Remove rows from a store, and what was counted of them. Their sources still hold them."""
    from mlops_cli.cli.asked import configured  # noqa: PLC0415 # pydantic and polars

    loaded = configured(ask)
    condition = _hashed(where, loaded.settings)
    return _forget(
        store, condition, Path(state or Path(loaded.folder) / loaded.settings.report.state), yes=yes
    )


def prune(
    store: Folder,
    ask: Configured,
    older_than: Annotated[str, Option("--older-than", metavar="AGE", help="Before the newest row: 90d.")],
    yes: Yes = False,
    state: State = "",
) -> int:
    """Remove old rows from a store, and what was counted of them. The newest row counts as now."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415

    from mlops_cli.cli.asked import configured  # noqa: PLC0415 # pydantic and polars
    from mlops_cli.config.section import seconds  # noqa: PLC0415
    from mlops_cli.logs.store import look  # noqa: PLC0415
    from mlops_cli.logs.store_rows import BEFORE  # noqa: PLC0415

    try:
        age = seconds(older_than)
    except ValueError:
        raise UsageError(
            f"'{older_than}' is no age", "--older-than", "write for example 90d or 12h"
        ) from None
    newest = max(
        (k.end for k in look(Path(store)).manifest.files.values() if k.end is not None), default=None
    )
    if newest is None:
        return tell("no row of this store has a time")
    limit = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=newest) - timedelta(seconds=age)
    loaded = configured(ask)
    folder = Path(state or Path(loaded.folder) / loaded.settings.report.state)
    return _forget(store, f"{BEFORE}{limit.isoformat()}", folder, yes=yes)


def _hashed(where: str, settings: "Settings") -> str:
    """The condition as the store has its values: who asked is kept as a hash."""
    from mlops_cli.logs.privacy import Privacy  # noqa: PLC0415
    from mlops_cli.logs.private import hash_of  # noqa: PLC0415

    privacy = Privacy.of(settings.privacy)
    secret = privacy.secret() if "user_id" in privacy.hash else b""
    return _USER.sub(lambda m: f"user_id IN ('{m[1]}', '{hash_of(m[1], secret)}')", where)


def _forget(folder: str, condition: str, state: Path, *, yes: bool) -> int:
    from mlops_cli.logs.settle import forget as remove  # noqa: PLC0415
    from mlops_cli.logs.settle import matching  # noqa: PLC0415
    from mlops_cli.logs.store import locked  # noqa: PLC0415

    with locked(Path(folder)) as store:
        hits = matching(store, condition)
        rows = _by_kind(store, hits)
        said = ", ".join(f"{n:,} {kind}" for kind, n in sorted(rows.items())) or "no row"
        if not yes:
            return tell(f"would go: {said}, of {len(hits):,} files\ndo it: add --yes")
        if hits:
            remove(store, condition, list(hits))
    shutil.rmtree(state / "cache", ignore_errors=True)
    kept = f"kept counts in {state / 'cache'} too" if hits else "nothing else"
    left = "saved baselines and reports are as they were; the sources still hold these rows"
    return tell(f"gone: {said}; {kept}\n{left}")


def _by_kind(store: "Store", hits: Mapping[str, int]) -> dict[str, int]:
    out: dict[str, int] = {}
    for where, n in hits.items():
        kind = store.manifest.files[where].kind
        out[kind] = out.get(kind, 0) + n
    return out
