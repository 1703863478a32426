"""What is wrong in a configuration: every unknown key and every wrong value, with the nearest right one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from mlops_cli.config.keys import Path
from mlops_cli.config.lines import DEFAULT_LINES
from mlops_cli.config.section import Duration, Section
from mlops_cli.config.settings import Custom, Line, Settings
from mlops_cli.errors import nearest

Words = Mapping[str, Sequence[str]]
FILE_KEYS = ("extend", "overlays")  # of the file, not of the settings


@dataclass(frozen=True)
class Problem:
    """One mistake: the path of the key, what is wrong, what to do."""

    path: Path
    what: str
    do: str


def wrong_keys(values: Mapping[str, Any], words: Words) -> Iterator[Problem]:
    """Keys that the settings do not have, metric codes and groups among them.

    Parameters
    ----------
    values : as TOML gives them
    words : the registries' names: `metrics`; where they are not known, codes with default lines are

    """
    for problem in _unknown(values, Settings, ()):
        if problem.path[0] != "metrics":
            yield problem
    metrics = values.get("metrics")
    if isinstance(metrics, Mapping):
        yield from _metrics(metrics, words)


def known_keys(model: type[BaseModel]) -> dict[str, Any]:
    """The keys of a section as the file has them, with their types."""
    return {info.alias or name: info.annotation for name, info in model.model_fields.items()}


def _unknown(values: Mapping[str, Any], model: type[BaseModel], path: Path) -> Iterator[Problem]:
    known = known_keys(model)
    offered = [*known, *FILE_KEYS] if model is Settings else list(known)
    for key, value in values.items():
        if key not in known:
            yield Problem((*path, key), f"unknown key '{key}'", _offer(key, offered))
            continue
        section, named = _section(known[key])
        if section is None or not isinstance(value, Mapping):
            continue
        for name, table in value.items() if named else ((None, value),):
            if isinstance(table, Mapping):
                yield from _unknown(table, section, (*path, key, *([name] if name is not None else ())))


def _section(annotation: Any) -> tuple[type[Section] | None, bool]:
    """The section that a key holds, and whether as a table of named ones."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation, False
    named = get_origin(annotation) is dict
    for argument in get_args(annotation):
        found, deeper = _section(argument)
        if found is not None:
            return found, named or deeper
    return None, False


def _metrics(metrics: Mapping[str, Any], words: Words) -> Iterator[Problem]:
    for group, table in metrics.items():
        path = ("metrics", group)
        if group == "for":
            continue
        if group == "custom":
            yield from _customs(table, words)
            continue
        if group not in DEFAULT_LINES:
            homes = _homes(group, words)
            do = f"write it under [metrics.{homes[0]}]" if homes else _offer(group, [*DEFAULT_LINES, "for"])
            yield Problem(path, f"unknown group of metrics '{group}'", do)
            continue
        if not isinstance(table, Mapping):
            yield Problem(
                path, f"metrics.{group} is no table", f"write [metrics.{group}] and a line a metric"
            )
            continue
        for code, lines in table.items():
            yield from _code(group, code, lines, words)


def _customs(table: Any, words: Words) -> Iterator[Problem]:
    path = ("metrics", "custom")
    if not isinstance(table, Mapping):
        yield Problem(path, "metrics.custom is no table", "write [metrics.custom.NAME]")
        return
    for name, own in table.items():
        if not isinstance(own, Mapping):
            yield Problem(
                (*path, name), f"{name} = {own!r}: a metric has an expr", 'write expr = "AVG(score)"'
            )
            continue
        if name in words.get("metrics", ()) or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
            yield Problem(
                (*path, name), f"'{name}' cannot be its name", "choose another: small letters, digits, dashes"
            )
        for key in own:
            if key not in known_keys(Custom):
                yield Problem(
                    (*path, name, key), f"unknown key '{key}'", _offer(key, list(known_keys(Custom)))
                )


def _code(group: str, code: str, lines: Any, words: Words) -> Iterator[Problem]:
    path = ("metrics", group, code)
    homes = _homes(code, words)
    if not homes:
        codes = [c for c in _codes(words) if group in _homes(c, words)]
        near = nearest(code, codes) or nearest(code, _codes(words))
        do = f"write '{near}'?" if near else f"`mlops metrics list` names them; here: {', '.join(codes)}"
        yield Problem(path, f"unknown metric '{code}'", do)
        return
    if group not in homes:
        yield Problem(
            path, f"metric '{code}' is not of the group {group}", f"write it under [metrics.{homes[0]}]"
        )
        return
    if not isinstance(lines, Mapping):
        do = f"write {code} = {{ warn = ..., alarm = ... }}"
        yield Problem(path, f"{code} = {lines!r}: a metric has lines", do)
        return
    for key in lines:
        if key not in known_keys(Line):
            yield Problem((*path, key), f"unknown key '{key}'", _offer(key, list(known_keys(Line))))


def _codes(words: Words) -> list[str]:
    return list(words.get("metrics", ())) or [c for codes in DEFAULT_LINES.values() for c in codes]


def _homes(code: str, words: Words) -> list[str]:
    """The groups that a metric may stand in; none: there is no such metric.

    A drift statistic stands where `drift` does; without the words of the registry all of that form pass.
    """
    known = words.get("metrics", ())
    lined = "drift" if code.startswith("drift-") else code
    if known and code not in known:
        return []
    return [group for group, codes in DEFAULT_LINES.items() if lined in codes]


def without(values: Mapping[str, Any], problems: Sequence[Problem]) -> dict[str, Any]:
    """The values without the keys that are wrong, so that what is left can be checked too."""
    wrong = {p.path for p in problems}

    def copy(table: Mapping[str, Any], path: Path) -> dict[str, Any]:
        return {
            key: copy(value, (*path, key)) if isinstance(value, Mapping) else value
            for key, value in table.items()
            if (*path, key) not in wrong
        }

    return copy(values, ())


def wrong_values(values: Mapping[str, Any]) -> tuple[Settings, list[Problem]]:
    """The settings of values with right keys, and what is wrong in them (then the settings are defaults)."""
    problems: list[Problem] = []
    settings = Settings()
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += _said(error, ())
    metrics = values.get("metrics", {})
    if isinstance(metrics, Mapping):
        if "for" in metrics:
            problems += _line({"for": metrics["for"]}, ("metrics",))
        for name, own in metrics.get("custom", {}).items():
            problems += _line(own, ("metrics", "custom", name), Custom)
        for group in DEFAULT_LINES:
            for code, lines in metrics.get(group, {}).items():
                problems += _line(lines, ("metrics", group, code))
    return settings, problems


def _line(lines: Mapping[str, Any], path: Path, shape: type[Section] = Line) -> list[Problem]:
    try:
        shape.model_validate(lines)
    except ValidationError as error:
        return _said(error, path)
    return []


def _said(error: ValidationError, base: Path) -> list[Problem]:
    """One problem a key: a key that may be of several types has an error of each."""
    problems: dict[Path, Problem] = {}
    for one in error.errors(include_url=False):
        path = (*base, *_keys(one["loc"]))
        problem = _value(path, one)
        if path not in problems or one["type"] == "value_error":
            problems[path] = problem
    return list(problems.values())


def _typed(path: Path, kind: str, given: Any) -> str:
    """What to write where a value is of another type."""
    if kind == "string_type" and isinstance(given, int | float):
        return f'write a text: {path[-1]} = "{given}{"h" if _duration(path) else ""}"'
    if kind.startswith(("greater", "less")):
        return ""  # the message says it all
    wanted = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "a text"}
    word = next((text for name, text in wanted.items() if kind.startswith(name)), "")
    return f"write {word}: `mlops config show` has the default" if word else "see `mlops config schema`"


def _duration(path: Path) -> bool:
    """Whether a key wants a duration."""
    model: type[BaseModel] | None = Settings
    for part in path[:-1]:
        model = _section(known_keys(model).get(part))[0] if model is not None else None
    fields = model.model_fields if model is not None else {}
    for name, one in fields.items():
        if (one.alias or name) == path[-1]:
            kinds = get_args(one.annotation)  # of a union each kind has its own checks
            checks = [*one.metadata, *(c for kind in kinds for c in getattr(kind, "__metadata__", ()))]
            return get_args(Duration)[1] in checks
    return False


def _keys(loc: tuple[int | str, ...]) -> Path:
    """The part of a location that are keys: behind them pydantic names types and positions."""
    out: list[str] = []
    model: type[BaseModel] | None = Settings
    named = False
    for part in loc:
        if named:
            out.append(str(part))
            named = False
            continue
        known = known_keys(model) if model is not None else {}
        if model is not None and part not in known and out:
            break
        out.append(str(part))
        model, named = _section(known[str(part)]) if part in known else (None, False)
        if model is None:
            break
    return tuple(out)


def _value(path: Path, error: Any) -> Problem:
    key, given = path[-1], error["input"]
    shown = f"{key} = {given!r}" if not isinstance(given, Mapping) else key
    message = str(error["msg"]).removeprefix("Value error, ")
    kind = error["type"]
    if kind == "literal_error":
        expected = re.findall(r"'([^']*)'|\b(\d+)\b", str(error["ctx"]["expected"]))
        known = [a or b for a, b in expected if a or b]
        return Problem(path, f"{key} = {given!r} is not known", _offer(str(given), known))
    if kind == "missing":
        return Problem(path, f"{key} is missing", f"write {key} = ...")
    if kind == "value_error":
        what, _, do = message.partition(": ")
        return Problem(path, f"{key}: {what}", do)
    message = (message[:1].lower() + message[1:]).replace("a valid tuple", 'a list: ["a", "b"]')
    return Problem(path, f"{shown}: {message}", _typed(path, kind, given))


def _offer(word: str, known: Sequence[str]) -> str:
    near = nearest(word, known)
    return f"write '{near}'?" if near else f"choose one of: {', '.join(known)}"
