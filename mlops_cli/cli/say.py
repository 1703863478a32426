"""What a command says, on standard output and into files; its exit code is settled before."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from mlops_cli.cli.ci import publish
from mlops_cli.cli.options import Output
from mlops_cli.cli.streams import colored, hush
from mlops_cli.errors import UsageError, unknown
from mlops_cli.render.registry import RENDERERS

if TYPE_CHECKING:
    from mlops_cli.result.report import Report

Target = tuple[str, Path]


def targets(output: Output, configured: Sequence[str] = (), folder: str = ".") -> tuple[Target, ...]:
    """Where the result goes besides standard output; a wrong word is found before the work is done.

    Parameters
    ----------
    output : options
    configured : `[report] outputs`, relative to `folder`

    """
    if output.format not in RENDERERS:
        raise unknown("output format", output.format, RENDERERS, "--format")
    asked = [_target(text, Path(), "-o") for text in output.outputs]
    return (*(_target(text, Path(folder), "[report] outputs") for text in configured), *asked)


def _target(text: str, folder: Path, where: str) -> Target:
    form, _, path = text.partition("=")
    if form not in RENDERERS:
        raise unknown("output format", form, RENDERERS, where)
    if not path:
        raise UsageError(f"'{text}' names no file", where, f"write {form}=PATH")
    return form, folder / path


def say(report: "Report", output: Output, to: Iterable[Target] = ()) -> int:
    """Render the report everywhere; its exit code is returned whatever becomes of standard output."""
    colored(output.color)
    form = output.format
    if form == "text":
        form = "line" if output.quiet else "full" if output.verbose else "text"
    _out(partial(RENDERERS[form], report))
    for other, path in to:
        write(path, partial(RENDERERS[other], report))
    if output.ci:
        publish(report, os.environ, sys.stderr, annotate=form != "github")
    return report.exit_code


def tell(text: str) -> int:
    """Some lines on standard output, and the exit code of a command that judges nothing."""
    _out(lambda out: out.write(text.rstrip("\n") + "\n"))
    return 0


def tell_json(value: Any) -> int:
    """A JSON document on standard output."""
    return tell(json.dumps(value, indent=2, ensure_ascii=False))


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows as aligned columns; the last is as long as it is."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def write(path: Path, fill: Callable[[TextIO], Any]) -> None:
    """Write a file whole or not at all; a device or a pipe is written to, not replaced."""
    if path.exists() and not path.is_file() and not path.is_dir():
        _directly(path, fill)
        return
    path = path.resolve() if path.is_symlink() else path  # the file behind a link, not the link
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="\n") as out:
            fill(out)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise UsageError(
            f"cannot write: {error.strerror}", str(path), "name a file in a folder that can be written"
        ) from None


def _directly(path: Path, fill: Callable[[TextIO], Any]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="\n") as out:
            fill(out)
    except BrokenPipeError:  # who read it has gone
        return
    except OSError as error:
        raise UsageError(f"cannot write: {error.strerror}", str(path), "name a file") from None


def _out(fill: Callable[[TextIO], Any]) -> None:
    try:
        fill(sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        hush(sys.stdout)
    except OSError as error:
        hush(sys.stdout)
        raise UsageError(
            f"cannot write: {error.strerror}", "standard output", "make room, or write elsewhere"
        ) from None
