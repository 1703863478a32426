"""Layers of the configuration (files, overlays, variables, options), with the place of every key."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

import tomli

from mlops_cli.config.keys import Path, key_lines
from mlops_cli.config.settings import Settings
from mlops_cli.errors import UsageError

TABLE = ("tool", "mlops")
PREFIX = "MLOPS_"


@dataclass(frozen=True)
class Layer:
    """Values of one place: a file, an overlay in it, a variable, an option.

    Parameters
    ----------
    name : as shown
    values : as TOML gives them, metric codes in kebab-case
    lines : of the keys in the file
    table : where in the file the values stand
    folder : relative paths are from there

    """

    name: str
    values: Mapping[str, Any]
    lines: Mapping[Path, int] = field(default_factory=dict)
    table: Path = ()
    folder: str = ""

    def line(self, path: Path) -> int:
        """Line of a key, of the nearest table above it where it has none; 0: not of a file."""
        return next((self.lines[path[:i]] for i in range(len(path), -1, -1) if path[:i] in self.lines), 0)

    def where(self, path: Path) -> str:
        """File, line and table, as an error says it."""
        if not self.lines:
            return self.name
        table = ".".join((*self.table, *path[:-1]))
        return f"{self.name}, line {self.line(path)}" + (f", [{table}]" if table else "")

    def origin(self, path: Path) -> str:
        """File and line, as `config show` says it."""
        table = f" [{'.'.join(self.table)}]" if self.table[-2:-1] == ("overlays",) else ""
        return (f"{self.name}:{self.line(path)}" if self.lines else self.name) + table


def read(file: File, seen: Sequence[File]) -> list[Layer]:
    """The layers of a file: those that it extends, then its own."""
    path = file.resolve()
    if path in seen:
        raise UsageError(f"{shown(file)} extends itself", shown(seen[-1]), "remove one `extend`")
    text = text_of(file)
    values: Any = parsed(file, text)
    lines = key_lines(text)
    table: Path = ()
    if file.name == "pyproject.toml":
        ours = inside(values)
        if ours is None:
            raise UsageError("there is no table [tool.mlops]", shown(file), "name a file that has it")
        values, table = ours, TABLE
    depth = len(table)
    lines = {p[depth:]: line for p, line in lines.items() if p[:depth] == table}
    layer = _kebab(Layer(shown(file), values, lines or {(): 1}, table, str(file.parent)))
    number = values.get("schema", 1)
    if isinstance(number, int) and number > 1:
        raise UsageError(
            f"this file is of schema {number}, this mlops reads schema 1",
            layer.where(("schema",)),
            "upgrade mlops, or write schema = 1",
        )
    base = values.get("extend")
    if base is None:
        return [layer]
    if not isinstance(base, str) or not (file.parent / base).is_file():
        raise UsageError(
            f"extend = {base!r} is no file",
            layer.where(("extend",)),
            "name a configuration file, relative to this one",
        )
    return [*read(file.parent / base, [*seen, path]), layer]


def text_of(file: File) -> str:
    """What the file holds."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"cannot read the configuration: {error.strerror}",
            shown(file),
            "name a file that can be read: --config FILE",
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError(
            f"byte {error.start} is not UTF-8",
            shown(file),
            "save the file as UTF-8",
        ) from None


def parsed(file: File | str, text: str) -> dict[str, Any]:
    """TOML as tables; what is none is an error with its line."""
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        name = file if isinstance(file, str) else f"{shown(file)}, line {error.lineno}"
        message = error.msg[:1].lower() + error.msg[1:]
        raise UsageError(f"this is no TOML: {message}", name, 'texts need quotes: size = "1h"') from None


def inside(values: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """[tool.mlops] of a pyproject.toml."""
    tool = values.get(TABLE[0])
    ours = tool.get(TABLE[1]) if isinstance(tool, Mapping) else None
    return ours if isinstance(ours, Mapping) else None


def overlays(layer: Layer) -> list[Layer]:
    """The overlays of a file, their dotted keys as tables."""
    out = []
    for name, given in tables(layer, "overlays").items():
        if not isinstance(given, Mapping):
            raise UsageError(
                f"overlay '{name}' is no table",
                layer.where(("overlays", name)),
                f'write [overlays.{name}] and "windows.size" = "1h"',
            )
        values: dict[str, Any] = {}
        lines: dict[Path, int] = {(): layer.line(("overlays", name))}
        for key, value in given.items():
            path = tuple(key.split("."))
            lay(values, _nested(path, value), layer, {})
            lines |= {
                (*path, *p[3:]): line for p, line in layer.lines.items() if p[:3] == ("overlays", name, key)
            }
        table = (*layer.table, "overlays", name)
        out.append(_kebab(Layer(layer.name, values, lines, table, layer.folder)))
    return out


def settings_of(layer: Layer) -> Layer:
    """The layer without what is the file's own: `extend` and the overlays."""
    values = {k: v for k, v in layer.values.items() if k not in {"extend", "overlays"}}
    return Layer(layer.name, values, layer.lines, layer.table, layer.folder)


def tables(layer: Layer, key: str) -> Mapping[str, Any]:
    """The named tables below a key."""
    found = layer.values.get(key, {})
    if isinstance(found, Mapping):
        return found
    raise UsageError(f"{key} is no table", layer.where((key,)), f"write [{key}.NAME]")


def environment() -> Iterator[Layer]:
    """MLOPS_WINDOWS__SIZE=1h: two underscores part tables and keys; names without them are not settings."""
    defaults = Settings().model_dump(by_alias=True)
    for name in sorted(os.environ):
        if not name.startswith(PREFIX) or "__" not in name:
            continue
        path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        default: Any = defaults
        for part in path:
            default = default.get(part) if isinstance(default, Mapping) else None
        value = _typed(os.environ[name], text=isinstance(default, str))
        yield _kebab(Layer(f"environment variable {name}", _nested(path, value)))


def _typed(raw: str, *, text: bool) -> Any:
    """A variable as TOML would have it; what is no TOML, or stands for a text, is a text."""
    try:
        value = tomli.loads(f"x = {raw}")["x"]
    except tomli.TOMLDecodeError:
        return raw
    return raw if text and not isinstance(value, str) else value


def is_inline(config: str) -> bool:
    """Whether --config was given TOML instead of a file."""
    return "=" in config and not File(config).is_file()


def option(config: str) -> Layer:
    """What --config was given as TOML."""
    name = f"--config '{config}'"
    return _kebab(Layer(name, parsed(name, config), folder="."))


def _kebab(layer: Layer) -> Layer:
    """Metric codes with `-`, as they are printed; `_` may be typed."""

    def codes(path: Path) -> Path:
        if len(path) > 2 and path[0] == "metrics":
            return (*path[:2], path[2].replace("_", "-"), *path[3:])
        return path

    values = dict(layer.values)
    metrics = values.get("metrics")
    if isinstance(metrics, Mapping):
        values["metrics"] = {
            group: {code.replace("_", "-"): line for code, line in table.items()}
            if isinstance(table, Mapping)
            else table
            for group, table in metrics.items()
        }
    lines = {codes(path): line for path, line in layer.lines.items()}
    return Layer(layer.name, values, lines, layer.table, layer.folder)


def moved(values: Mapping[str, Any], folder: str, main: str) -> Mapping[str, Any]:
    """The values with relative paths as from the main file's folder instead of their own."""
    if not folder or File(folder).resolve() == File(main).resolve():
        return values

    def moved(path: str) -> str:
        if not path or path == "-" or "://" in path or File(path).is_absolute():
            return path
        try:
            return File(os.path.relpath(File(folder) / path, main)).as_posix()
        except ValueError:  # another drive
            return (File(folder).resolve() / path).as_posix()

    def walk(table: Mapping[str, Any]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, value in table.items():
            if isinstance(value, Mapping):
                out[key] = value if key == "columns" else walk(value)
            elif key in {"path", "state"} and isinstance(value, str):
                out[key] = moved(value)
            elif key == "outputs" and isinstance(value, list):
                out[key] = [_moved_output(o, moved) for o in value]
            else:
                out[key] = value
        return out

    return walk(values)


def _moved_output(output: Any, moved: Any) -> Any:
    form, sign, path = str(output).partition("=")
    return f"{form}={moved(path)}" if sign else output


def _nested(path: Path, value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = {part: value}
    return value  # type: ignore[no-any-return]  # a path has a part


def shown(file: File) -> str:
    """A path as it is printed."""
    return file.as_posix()


def lay(
    under: dict[str, Any], over: Mapping[str, Any], layer: Layer, placed: dict[Path, Layer], path: Path = ()
) -> None:
    """Lay values over others, table by table; `placed` learns who set each leaf."""
    for key, value in over.items():
        here = (*path, key)
        if isinstance(value, Mapping):
            if not isinstance(under.get(key), dict):
                under[key] = {}
                placed.pop(here, None)
            lay(under[key], value, layer, placed, here)
            continue
        for other in [p for p in placed if p[: len(here)] == here]:
            del placed[other]
        under[key] = value
        placed[here] = layer
