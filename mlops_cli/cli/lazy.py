"""The commands as typer sees them: listed from the registry, each imported when it is needed."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from mlops_cli import __doc__ as sentence
from mlops_cli import __version__
from mlops_cli.cli.registry import COMMANDS, HELP, PANELS
from mlops_cli.errors import UsageError, unknown

EPILOG = (
    "Exit codes: 0 pass, 1 gate failed, 2 usage or configuration, 3 undecided, 4 the data cannot be read, "
    "5 internal error."
)
# Rich's markup doubles the time of --help, and pretty exceptions end with exit code 1.
PLAIN: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}


class Lazy(TyperGroup):
    """The commands whose names begin with `prefix`; listing them imports none."""

    prefix = ""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 # typer's signature
        """The words that may follow, each once."""
        return list(dict.fromkeys(n.removeprefix(self.prefix).split()[0] for n in self._names()))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 # typer's signature
        """A stand-in with name and help."""
        return TyperCommand(cmd_name, help=HELP.get(self.prefix + cmd_name, ""))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str, Any, list[str]]:
        """The command itself, imported now, or the group of its first word."""
        name = self.prefix + args[0].replace("_", "-")
        if name in COMMANDS:
            return args[0], _command(name), args[1:]
        if any(known.startswith(f"{name} ") for known in COMMANDS):
            return args[0], group(f"{name} "), args[1:]
        raise unknown("command", name, self._names(), ctx.command_path)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """A group by itself does nothing: say what it has."""
        if not args and not ctx.resilient_parsing:
            raise UsageError("which command?", ctx.command_path, f"choose one of: {', '.join(self._names())}")
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 # typer's signature
        """Panel by panel."""
        for panel, commands in PANELS.items():
            rows = [(n, text) for n, (_, text) in commands.items() if n.startswith(self.prefix)]
            if rows:
                with formatter.section(panel):
                    formatter.write_dl(rows)

    def _names(self) -> list[str]:
        return [n for n in COMMANDS if n.startswith(self.prefix)]


def group(prefix: str = "", *, completion: bool = False) -> Any:
    """A group of commands; without prefix `mlops` itself."""
    app = typer.Typer(cls=Lazy, add_completion=completion, add_help_option=False, **PLAIN)
    if prefix:
        app.callback(help=f"The commands of {prefix.strip()}.")(_group)
    else:
        app.callback(help=sentence, epilog=EPILOG)(_root)
    made: Any = get_command(app)
    made.prefix = prefix
    return made


def _command(name: str) -> Any:
    from mlops_cli.cli.options import expanded  # noqa: PLC0415 # a fifth of the time of --help

    app = typer.Typer(add_completion=False, **PLAIN)
    app.command(name.rsplit(maxsplit=1)[-1], short_help=HELP[name])(expanded(COMMANDS[name]))
    return get_command(app)


def _version(asked: bool) -> None:  # noqa: FBT001 # typer's signature
    if asked:
        sys.stdout.write(f"mlops {__version__}\n")
        raise typer.Exit


def _help(context: typer.Context, asked: bool) -> None:  # noqa: FBT001 # typer's signature
    if asked:
        sys.stdout.write(f"{context.get_help()}\n")
        raise typer.Exit


# Typer's own has no default, which makes it import pydantic (0.1 s) to coerce a flag that was not given.
Help = Annotated[bool, typer.Option("--help", is_eager=True, callback=_help, help="Show this and exit.")]
Version = Annotated[
    bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version.")
]


def _root(*, version: Version = False, help_: Help = False) -> None:
    pass


def _group(*, help_: Help = False) -> None:
    pass
