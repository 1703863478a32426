"""`mlops init`: the mlops.toml that fits some logs."""

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from mlops_cli.cli.options import columns
from mlops_cli.cli.say import tell, write
from mlops_cli.cli.toml import key, toml
from mlops_cli.errors import DataError, UsageError

if TYPE_CHECKING:
    from mlops_cli.logs.format import LogFile

FILE = "mlops.toml"
KINDS = ("predictions", "feedback", "decisions", "requests", "spans", "gauges")
PACKED = (".gz", ".zst", ".bz2")
FULL = "Every other setting, with its default. `mlops config show` prints those in force."


def command(
    logs: Annotated[list[str], Argument(metavar="LOGS", help="Files, folders or globs.")],
    minimal: Annotated[bool, Option("--minimal", help="Only what differs from the defaults.")] = False,
    force: Annotated[bool, Option("--force", help=f"Replace an {FILE} that is there.")] = False,
    column: Annotated[list[str] | None, Option(metavar="ROLE=COLUMN", help="As monitor has it.")] = None,
) -> int:
    """Write the mlops.toml that fits some logs into the working directory."""
    from mlops_cli.config.load import load_file  # noqa: PLC0415 # pydantic and polars

    path = Path(FILE)
    if path.exists() and not force:
        raise UsageError(f"there is an {FILE} already", str(path.resolve()), "edit it, or pass --force")
    files, told = _found(logs, columns(column or ()), known=path.exists())
    text = "\n".join([*_head(), *_sources(files, told), *([] if minimal else _rest())]) + "\n"
    write(path, lambda out: out.write(text))
    load_file(FILE)  # what was written is right, or this says what is not
    sources = len(_groups(files))
    return tell(f"{FILE}: {sources} source{'s' if sources != 1 else ''}; go on with: mlops monitor")


def _found(
    logs: Sequence[str], columns_: Mapping[str, str], *, known: bool
) -> tuple[Sequence["LogFile"], dict[str, str]]:
    """The log files; of those whose format a file that is there tells (path → format), that too.

    What its sources say of these logs goes on to hold.
    """
    from mlops_cli.config.load import load_file  # noqa: PLC0415 # pydantic and polars
    from mlops_cli.config.settings import Settings  # noqa: PLC0415
    from mlops_cli.logs.discover import discover  # noqa: PLC0415

    try:
        before = load_file(FILE) if known else Settings()
    except UsageError:  # it is broken: that is why it is replaced
        before = Settings()
    files = discover(logs, before, columns=columns_).files
    if not before.sources:
        return files, {}
    try:
        plain = {f.path: f.format for f in discover(logs, Settings(), strict=False).files}
    except DataError:
        plain = {}
    return files, {f.path: f.format for f in files if plain.get(f.path) != f.format}


def _head() -> Iterator[str]:
    yield "schema = 1"
    yield ""
    yield "[project]"
    yield f"name = {toml(Path.cwd().name)}"


Alike = tuple[str, str, tuple[tuple[str, Any], ...]]


def _groups(files: Sequence["LogFile"]) -> dict[Alike, list["LogFile"]]:
    """Files that are read alike, those of predictions first: of one kind, folder and column map."""
    out: dict[Alike, list[LogFile]] = {}
    for file in sorted(files, key=lambda f: KINDS.index(f.kind)):
        if not file.settings_path:  # a sub-folder with its own mlops.toml says itself what it is
            place = str(PurePath(file.path).parent)
            # A file of two kinds is told apart again when it is read.
            kind = "" if file.split else file.kind
            out.setdefault((kind, place, tuple(file.columns.items())), []).append(file)
    return out


def _sources(files: Sequence["LogFile"], told: Mapping[str, str]) -> Iterator[str]:
    """A table a source; a column that has its canonical name, or is a feature, needs no line.

    `told` are the formats that detection does not find (path → format).
    """
    names: set[str] = set()
    for (kind, folder, mapped), group in _groups(files).items():
        name = PurePath(folder).name if len(group) > 1 else PurePath(group[0].path).name.split(".")[0]
        name = _new(name or kind, names)
        yield ""
        yield f"[sources.{key(name)}]"
        yield f"path = {toml(_path(folder, group))}"
        formats = {told.get(file.path, "") for file in group}
        if len(formats) == 1 and (form := formats.pop()):
            yield f"format = {toml(form)}"
        if kind:
            yield f"kind = {toml(kind)}"
        said = {
            role: column for role, column in mapped if role != column and not role.startswith("features.")
        }
        if said:
            yield f"columns = {toml(said)}"


def _new(name: str, taken: set[str]) -> str:
    tries = chain([name], (f"{name}-{n}" for n in count(2)))
    found = next(t for t in tries if t not in taken)
    taken.add(found)
    return found


def _path(folder: str, group: Sequence["LogFile"]) -> str:
    """The file, or a glob of the files of this folder."""
    if len(group) == 1:
        return _relative(group[0].path)
    ends = {_suffix(PurePath(file.path)) for file in group}
    return f"{_relative(folder)}/*{ends.pop() if len(ends) == 1 else ''}"


def _suffix(path: PurePath) -> str:
    return "".join(path.suffixes[-2:]) if path.suffix in PACKED else path.suffix


def _relative(path: str) -> str:
    try:
        return PurePath(os.path.relpath(path)).as_posix()
    except ValueError:  # another drive
        return PurePath(path).as_posix()


def _rest() -> Iterator[str]:
    """Settings at their defaults, commented out, each with what it is."""
    from mlops_cli.config.lines import DEFAULT_LINES  # noqa: PLC0415
    from mlops_cli.config.section import Section  # noqa: PLC0415
    from mlops_cli.config.settings import Settings  # noqa: PLC0415

    yield ""
    yield f"# {FULL}"
    for section, table in Settings.model_fields.items():
        kind = table.annotation
        if section == "project" or not (isinstance(kind, type) and issubclass(kind, Section)):
            continue
        yield ""
        yield f"# [{table.alias or section}]"
        for name, field in kind.model_fields.items():
            default = field.get_default(call_default_factory=True)
            if default is not None:
                yield f"# {field.alias or name} = {toml(default)}  # {field.description or ''}".rstrip(" #")
    yield ""
    yield "# The lines of the metrics; `mlops explain METRIC` says more."
    for group, codes in DEFAULT_LINES.items():
        yield f"# [metrics.{group}]"
        yield from (f"# {code} = {toml(line)}" for code, line in codes.items() if line)
