"""`mlops config check|show|schema`: what is set, where, and what could be."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlops_cli.cli.options import Configured, Facts
from mlops_cli.cli.say import columns, tell, tell_json
from mlops_cli.cli.toml import key, toml

if TYPE_CHECKING:
    from mlops_cli.config.load import Loaded


def check(ask: Configured) -> int:
    """Say whether the configuration is right; every mistake at once, each with its line."""
    loaded = _loaded(ask)
    n = len(loaded.origins)
    what = f"{n} key{'s' if n != 1 else ''} set, all right"
    return tell(f"{loaded.path or 'no configuration file, the defaults hold'}: {what}")


def show(ask: Configured, form: Facts = "text") -> int:
    """Print every setting in force and where it comes from; the text is TOML."""
    loaded = _loaded(ask)
    rows = [(path, value, loaded.origins.get(path, "default")) for path, value in _settings(loaded)]
    if form == "json":
        return tell_json({path: {"value": value, "origin": origin} for path, value, origin in rows})
    return tell(columns([(f"{path} = {toml(value)}", f"# {origin}") for path, value, origin in rows]))


def schema() -> int:
    """Print the JSON Schema of mlops.toml."""
    from mlops_cli.config.settings import Settings  # noqa: PLC0415 # pydantic

    return tell_json(Settings.model_json_schema(by_alias=True))


def _loaded(ask: Configured) -> "Loaded":
    from mlops_cli.cli.asked import configured  # noqa: PLC0415 # pydantic and polars

    return configured(ask)


def _settings(loaded: "Loaded") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of every leaf; a metric's are its effective lines."""
    from mlops_cli.config.lines import DEFAULT_LINES  # noqa: PLC0415

    settings = loaded.settings
    yield from _leaves(settings.model_dump(mode="json", by_alias=True, exclude={"metrics"}), "")
    if "for" in settings.metrics:
        yield "metrics.for", settings.metrics["for"]
    for group, defaults in DEFAULT_LINES.items():
        given = settings.metrics.get(group, {})
        for code in dict.fromkeys((*defaults, *given)):
            line = settings.line(group, code).model_dump(mode="json", by_alias=True)
            named = {**defaults.get(code, {}), **given.get(code, {})}
            yield from _leaves({k: v for k, v in line.items() if k in named}, f"metrics.{group}.{code}.")


def _leaves(table: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        path = f"{above}{key(name)}"
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}.")
        elif value is not None:
            yield path, value
