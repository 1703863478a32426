"""TOML, the environment and the command line → Settings; every mistake at once, each with its place.

Order: `--config 'key = value'`, environment (`MLOPS_WINDOWS__SIZE`), overlays, file, default.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from mlops_cli.config.check import Problem, Words, without, wrong_keys, wrong_values
from mlops_cli.config.keys import Path
from mlops_cli.config.layers import (
    Layer,
    environment,
    inside,
    is_inline,
    lay,
    moved,
    option,
    overlays,
    parsed,
    read,
    settings_of,
    shown,
    tables,
    text_of,
)
from mlops_cli.config.lines import DEFAULT_LINES
from mlops_cli.config.settings import Settings
from mlops_cli.errors import UsageError, unknown

NAMES = (".mlops.toml", "mlops.toml")  # the first of them in a folder, then pyproject.toml's table


@dataclass(frozen=True)
class Loaded:
    """The settings in force, and where they come from.

    Parameters
    ----------
    settings : effective values
    folder : of the file; relative paths are from there. Of the working directory where there is no file
    path : the file, as shown; empty: there is none
    origins : dotted key that something set → `mlops.toml:14`, variable or option; others have their default

    """

    settings: Settings
    folder: str
    path: str
    origins: Mapping[str, str]


def load(
    config: Sequence[str] = (),
    *,
    isolated: bool = False,
    overlay: Sequence[str] = (),
    words: Words | None = None,
) -> Loaded:
    """Find and read the settings in force.

    Parameters
    ----------
    config : files, which stand for the one that would be found, or inline TOML (`windows.size = "1h"`)
    isolated : look for no file
    overlay : names of `[overlays.NAME]`, later ones over earlier ones
    words : the registries' names

    Raises
    ------
    UsageError
        All mistakes at once, each with its file and line.

    """
    files = [File(c) for c in config if not is_inline(c)]
    if not files and not isolated:
        found = find(File.cwd())
        files = [found] if found else []
    layers = [layer for file in files for layer in read(file, ())]
    folder = str(files[-1].parent) if files else "."
    inline = [option(c) for c in config if is_inline(c)]
    settings, origins = _settle(layers, folder, overlay, inline, words or {})
    return Loaded(settings, folder, shown(files[-1]) if files else "", origins)


def load_file(
    path: str,
    *,
    config: Sequence[str] = (),
    overlay: Sequence[str] = (),
    words: Words | None = None,
) -> Settings:
    """Settings of one file, as of a sub-folder with its own; files among `config` are not read.

    An overlay that this file does not have is none.
    """
    file = File(path)
    layers = read(file, ())
    have = [name for name in overlay if any(name in tables(layer, "overlays") for layer in layers)]
    inline = [option(c) for c in config if is_inline(c)]
    return _settle(layers, str(file.parent), have, inline, words or {})[0]


def digest(settings: Settings) -> str:
    """Digest of all settings that a verdict depends on, with the lines of every metric.

    [report] says where results and the cache go: it changes no verdict.
    """
    given = settings.model_dump(mode="json", by_alias=True, exclude={"report"})
    text = json.dumps([given, DEFAULT_LINES], sort_keys=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def own_file(folder: File) -> File | None:
    """The configuration file that lies in this very folder."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def find(start: File) -> File | None:
    """The closest configuration file, from a folder upward; a pyproject.toml without our table is none."""
    for folder in (start, *start.parents):
        for name in NAMES:
            if (folder / name).is_file():
                return _near(folder / name)
        project = folder / "pyproject.toml"
        if (
            project.is_file()
            and "mlops" in text_of(project)
            and inside(parsed(project, text_of(project))) is not None
        ):
            return _near(project)
    return None


def _settle(
    layers: Sequence[Layer],
    folder: str,
    overlay: Sequence[str],
    inline: Sequence[Layer],
    words: Words,
) -> tuple[Settings, dict[str, str]]:
    offered = [o for layer in layers for o in overlays(layer)]
    names = list(dict.fromkeys(o.table[-1] for o in offered))
    for name in overlay:
        if name not in names:
            do = "" if names else "write [overlays.NAME] in the configuration file"
            error = unknown("overlay", name, names, ", ".join(dict.fromkeys(x.name for x in layers)))
            raise UsageError(error.what, error.where, do or error.do)
    chosen = [o for name in overlay for o in offered if o.table[-1] == name]
    files = [settings_of(layer) for layer in layers]
    variables = list(environment())
    problems = [
        (layer, problem)
        for layer in (*files, *offered, *variables, *inline)
        for problem in wrong_keys(layer.values, words)
    ]
    merged: dict[str, Any] = {}
    placed: dict[Path, Layer] = {}
    wrong = [p for _, p in problems]
    for layer in (*files, *chosen, *variables, *inline):
        values = without(layer.values, [p for of, p in problems if of is layer])
        lay(merged, moved(values, layer.folder, folder), layer, placed)
    settings, values_wrong = wrong_values(without(merged, wrong))
    problems += [(_placed(p.path, placed), p) for p in values_wrong]
    if problems:
        raise _error(problems)
    return settings, {_dotted(path): layer.origin(path) for path, layer in placed.items()}


def _error(problems: Sequence[tuple[Layer, Problem]]) -> UsageError:
    ordered = sorted(problems, key=lambda one: (one[0].name, one[0].line(one[1].path)))
    said = list(dict.fromkeys((layer.where(p.path), p.what, p.do) for layer, p in ordered))
    if len(said) == 1:
        where, what, do = said[0]
        return UsageError(what, where, do)
    lines = [f"{where}: {what}" + (f"; {do}" if do else "") for where, what, do in said]
    return UsageError(
        f"{len(lines)} mistakes in the configuration",
        "\n      ".join(lines),
        "correct them all; `mlops config show` prints every key",
    )


def _placed(path: Path, placed: Mapping[Path, Layer]) -> Layer:
    """Who set a key: itself, what is below it, or the nearest above."""
    for i in range(len(path), 0, -1):
        for other, layer in placed.items():
            if other[:i] == path[:i]:
                return layer
    return Layer("the configuration", {})


def _dotted(path: Path) -> str:
    return ".".join(path)


def _near(file: File) -> File:
    """Relative to the working directory: shorter, and the same on every machine."""
    return File(os.path.relpath(file))
