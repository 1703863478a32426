"""`mlops ingest`: logs of any format become one store of Parquet."""

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from mlops_cli.cli.options import Configured, Facts, columns
from mlops_cli.cli.progress import progress
from mlops_cli.cli.say import tell, tell_json
from mlops_cli.errors import DataError

if TYPE_CHECKING:
    from mlops_cli.config.load import Loaded
    from mlops_cli.logs.discover import Discovered
    from mlops_cli.logs.ingest import Done


def command(
    ask: Configured,
    to: Annotated[
        str, Option("--to", metavar="STORE", help="Folder of the store; new, empty or one already.")
    ],
    logs: Annotated[
        list[str] | None,
        Argument(metavar="SOURCES", show_default=False, help="Files, folders, globs, or - for stdin."),
    ] = None,
    column: Annotated[list[str] | None, Option(metavar="ROLE=COLUMN", help="As monitor has it.")] = None,
    stdin_format: Annotated[str, Option(metavar="FORMAT", help="What - holds.")] = "jsonl",
    retry_quarantine: Annotated[
        bool, Option("--retry-quarantine", help="Read sources with unread lines again, as configured now.")
    ] = False,
    keep_lines: Annotated[
        bool, Option("--keep-lines", help="Keep the text of unread lines, for the owner's eyes only.")
    ] = False,
    follow: Annotated[bool, Option("--follow", help="Go on as files grow, until interrupted.")] = False,
    interval: Annotated[float, Option(min=0.1, metavar="SECONDS", help="Of --follow.")] = 2.0,
    dry_run: Annotated[bool, Option("--dry-run", help="Say what would be read; change nothing.")] = False,
    form: Facts = "text",
) -> int:
    """Take up logs of any format into a store: Parquet that mlops, DuckDB, pandas and polars read as it is.

    Each record is taken up once, however often this is run and whatever stops it. Lines that cannot be read
    are named in STORE/quarantine.
    """
    from mlops_cli.cli.asked import configured  # noqa: PLC0415 # pydantic and polars
    from mlops_cli.logs.store import Manifest, is_store, locked, look  # noqa: PLC0415

    loaded = configured(ask)
    root = Path(to)
    if dry_run:
        manifest = look(root).manifest if is_store(root) else Manifest()
        return _plan(
            _found(logs, loaded, column, stdin_format), manifest.origins, form, retry=retry_quarantine
        )
    from mlops_cli.logs.ingest import ingest  # noqa: PLC0415

    first = True
    while first or follow:
        begun = time.monotonic()
        found: Discovered | None = None
        try:
            found = _found(logs, loaded, column, stdin_format)
        except DataError:
            if first:
                raise  # later it means that all files are being rotated
        if found is not None:
            with locked(root, create=True) as store, progress() as tick:
                _, done = ingest(
                    store,
                    found,
                    retry=retry_quarantine and first,
                    keep_lines=keep_lines,
                    complete_lines=follow,
                    progress=tick,
                )
            if first or done.rows or done.quarantined:
                _say(done, found, time.monotonic() - begun, form)
        first = False
        if follow:
            time.sleep(interval)
    return 0


def _found(
    logs: list[str] | None, loaded: "Loaded", column: list[str] | None, stdin_format: str
) -> "Discovered":
    from mlops_cli.logs.discover import discover  # noqa: PLC0415

    return discover(
        logs or (),
        loaded.settings,
        columns=columns(column or ()),
        stdin_format=stdin_format,
        config_dir=loaded.folder,
    )


def _plan(found: "Discovered", origins: Any, form: str, *, retry: bool) -> int:
    from mlops_cli.logs.origins import plan  # noqa: PLC0415

    works = plan(found.files, origins, retry=retry)
    if form == "json":
        files = [
            {"path": w.file.shown, "format": w.file.format, "kind": w.file.kind, "todo": w.todo}
            for w in works
        ]
        return tell_json({"files": files, "unclaimed": list(found.unclaimed), "notes": list(found.notes)})
    lines = [f"{w.file.shown}: {w.todo} ({w.file.kind} in {w.file.format})" for w in works]
    return tell("\n".join([*lines, *found.passed_over(), *found.notes]))


def _say(done: "Done", found: "Discovered", seconds: float, form: str) -> None:
    if form == "json":
        told = {**asdict(done), "seconds": round(seconds, 3), "unclaimed": list(found.unclaimed)}
        tell_json({**told, "notes": [*found.notes, *done.notes]})
        return
    files = ", ".join(f"{n:,} {todo}" for todo, n in done.files.items())
    rows = ", ".join(f"{n:,} {kind}" for kind, n in sorted(done.rows.items())) or "no new rows"
    lines = [f"files: {files}", f"rows: {rows}"]
    if done.bytes:
        rate = done.bytes / 1e6 / max(seconds, 1e-3)
        lines.append(f"read: {done.bytes / 1e6:,.1f} MB in {seconds:,.1f} s, {rate:,.0f} MB/s")
    if done.quarantined:
        lines.append(f"unread: {done.quarantined:,} lines, named in the store's folder quarantine")
    if set(done.files) != {"unchanged"}:
        lines += [*found.passed_over(), *found.notes]
    tell("\n".join([*lines, *done.notes]))
    sys.stdout.flush()
