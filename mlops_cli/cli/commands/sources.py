"""`mlops sources detect`: what each file is taken for, before anything is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from mlops_cli.cli.options import Configured, Facts, columns
from mlops_cli.cli.say import tell, tell_json

if TYPE_CHECKING:
    from mlops_cli.logs.format import LogFile

FEATURE = "features."  # as `logs/canon.py` has it, which imports polars


def detect(
    ask: Configured,
    logs: Annotated[
        list[str] | None, Argument(metavar="LOGS", show_default=False, help="Files, folders or globs.")
    ] = None,
    column: Annotated[list[str] | None, Option(metavar="ROLE=COLUMN", help="As monitor has it.")] = None,
    form: Facts = "text",
) -> int:
    """Print what each file is taken for: format, kind, which column is what, and what it cannot give.

    What `[sources]` of mlops.toml says of a file holds; without LOGS its sources are read.
    """
    from mlops_cli.cli.asked import configured  # noqa: PLC0415 # pydantic and polars
    from mlops_cli.logs.discover import discover  # noqa: PLC0415

    loaded = configured(replace(ask, paths=tuple(logs or ())))
    found = discover(logs or (), loaded.settings, columns=columns(column or ()), config_dir=loaded.folder)
    if form == "json":
        files = [asdict(file) for file in found.files]
        return tell_json(
            {
                "files": files,
                "unclaimed": list(found.unclaimed),
                "reasons": found.passed_over(),
                "notes": list(found.notes),
            }
        )
    blocks = [_text(files, found.why_not) for files in _alike(found.files)]
    rest = [*found.passed_over(), *found.general]  # what is said of a file stands beside it
    return tell("\n\n".join([*blocks, *(["\n".join(rest)] if rest else [])]))


def _alike(files: Sequence["LogFile"]) -> list[list["LogFile"]]:
    """Files of one folder of which the same is said."""
    out: dict[tuple[object, ...], list[LogFile]] = {}
    for file in files:
        said = (file.kind, file.format, tuple(file.columns.items()), file.unavailable, file.notes, file.bad)
        out.setdefault((PurePath(file.path).parent, *said), []).append(file)
    return list(out.values())


def _text(files: Sequence["LogFile"], why_not: Mapping[str, Mapping[str, str]]) -> str:
    file = files[0]
    shown = file.shown
    if len(files) > 1:
        shown += f" to {PurePath(files[-1].shown).name} ({len(files)} files)"
    roles = {r: c for r, c in file.columns.items() if not r.startswith(FEATURE)}
    features = {r.removeprefix(FEATURE): c for r, c in file.columns.items() if r.startswith(FEATURE)}
    if file.bad and not file.bad[0].line:  # no line of it can be read
        return f"{shown}: {file.bad[0].reason}"
    lines = [f"{shown}: {file.kind} in {file.format}"]
    lines.append(f"  columns      {_mapped(roles) or 'none known'}")
    if features:
        lines.append(f"  features     {_mapped(features)}")
    for kind, columns_ in file.split.items():
        lines.append(f"  and {kind:<9}{_mapped(columns_)}")
    if file.unavailable:
        lines.append(f"  not in it    {', '.join(file.unavailable)}")
        known = why_not.get(file.format, {})
        lines += [f"  why          {name}: {known[name]}" for name in file.unavailable if name in known]
    lines += [f"  assumed      {note}" for note in file.notes]
    return "\n".join(lines)


def _mapped(names: Mapping[str, Any]) -> str:
    return ", ".join(role if role == column else f"{role} = {column}" for role, column in names.items())
