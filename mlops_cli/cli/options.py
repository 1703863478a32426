"""The options that several commands share: a parameter annotated `Ask` or `Output` stands for its own."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any

from typer import Argument, Option

from mlops_cli.cli.arms import BLUE_GREEN, CANARY, BlueGreen, Canary, arms
from mlops_cli.cli.ask import FAIL_ON, STATISTICS, UNDECIDED, Ask, one_of
from mlops_cli.cli.beside import BESIDE, Beside, beside
from mlops_cli.errors import UsageError

COLOR = ("auto", "always", "never")


@dataclass(frozen=True)
class Output:
    """How the result is said.

    Parameters
    ----------
    format : on standard output
    outputs : FORMAT=PATH, further ones
    quiet, verbose : of the text, only the verdict in a line, or nothing shortened
    color : auto, always or never
    ci : in GitHub Actions, annotations, summary and outputs are written, too
    debug : an internal error shows its traceback

    """

    format: str = "text"
    outputs: tuple[str, ...] = ()
    quiet: bool = False
    verbose: bool = False
    color: str = "auto"
    ci: bool = True
    debug: bool = False


def _text(metavar: str, help_: str, *names: str, default: str = "", **more: Any) -> tuple[Any, str]:
    shown = bool(default) and f"|{default}" not in f"|{metavar}"
    return Annotated[str, Option(*names, metavar=metavar, help=help_, show_default=shown, **more)], default


def _texts(metavar: str, help_: str, *names: str) -> tuple[Any, None]:
    return Annotated[list[str] | None, Option(*names, metavar=metavar, help=f"{help_}; repeatable.")], None


def _flag(help_: str, *names: str) -> tuple[Any, bool]:
    return Annotated[bool, Option(*names, help=help_)], False


# name → annotation and default; what stands in brackets is the default of a setting
ASK: Mapping[str, tuple[Any, Any]] = {
    "logs": (
        Annotated[
            list[str] | None,
            Argument(metavar="LOGS", show_default=False, help="Files, folders, globs, or - for stdin."),
        ],
        None,
    ),
    "baseline": _text("PATH", "Compare with this file, folder or saved baseline. [the first windows]"),
    "since": _text("TIME", "Judge from here: 2026-01-31, 2026-01-31T06:00."),
    "until": _text("TIME", "Judge up to here; a day is included."),
    "now": _text("TIME", "As if it were this time. [the newest record's]"),
    "window": _text("SIZE", "10s, 10min, 1h, 1d ... [auto]"),
    "segment": _texts("COLUMN", "Judge each of its values on its own"),
    "model": _text("NAME", "Only this one of several models."),
    "column": _texts("ROLE=COLUMN", "Which column is what: prediction=late"),
    "statistics": _text("|".join(STATISTICS), "Of drift: each type has a default.", default="default"),
    "fail_on": _text("|".join(FAIL_ON), "What makes the exit code 1. [alarm]"),
    "undecided": _text("|".join(UNDECIDED), "Exit code where there is no answer. [3]"),
    "known": _text("FILE", "Findings that do not block, each with reason and end."),
    "soft_fail_on": _texts("METRIC|GROUP.*", "Findings of these do not block"),
    "config": _texts("FILE|KEY=VALUE", "Configuration, or a part of it"),
    "isolated": _flag("Look for no configuration file.", "--isolated"),
    "overlay": _texts("NAME", "Lay [overlays.NAME] over the settings"),
    "stdin_format": _text("FORMAT", "What - holds.", default="jsonl"),
    "state": _text("FOLDER", "Of the cache. [.mlops]", envvar="MLOPS_STATE"),
    "no_state": _flag("Keep no cache.", "--no-state"),
}

OUTPUT: Mapping[str, tuple[Any, Any]] = {
    "format": _text("FORMAT", "Of standard output.", "--format", "-f", default="text", envvar="MLOPS_FORMAT"),
    "output": _texts("FORMAT=PATH", "Write this, too", "--output", "-o"),
    "quiet": _flag("Only the verdict, in a line.", "--quiet", "-q"),
    "verbose": _flag("Shorten nothing.", "--verbose", "-v"),
    "color": _text("|".join(COLOR), "NO_COLOR is heeded, too.", default="auto"),
    "no_ci": _flag("Write nothing for GitHub Actions.", "--no-ci"),
    "debug": _flag("An internal error shows its traceback.", "--debug"),
}


def _facts(word: str) -> str:
    return one_of("--format", word, ("text", "json"))


# Of a command that judges nothing.
Facts = Annotated[
    str, Option("--format", "-f", metavar="text|json", callback=_facts, help="How to print it.")
]

# A command that only reads logs, or only the configuration, takes an `Ask` of fewer options.
Reading = Annotated[Ask, "reads logs, judges nothing"]
Configured = Annotated[Ask, "the configuration only"]
Traffic = Annotated[Ask, "two arms: their margins are what judges"]
CONFIGURED = ("config", "isolated", "overlay")
READING = ("logs", "since", "until", "model", "column", *CONFIGURED, "stdin_format", "state", "no_state")
TRAFFIC = ("now", "window", "segment", "undecided", *READING)


def ask(options: Mapping[str, Any]) -> Ask:
    """What was asked, from the options as typed; one that the command does not have is at its default."""
    typed = {name: options.get(name, default) for name, (_, default) in ASK.items()}
    return Ask(
        paths=tuple(typed["logs"] or ()),
        config=tuple(typed["config"] or ()),
        isolated=typed["isolated"],
        overlays=tuple(typed["overlay"] or ()),
        baseline=typed["baseline"],
        columns=columns(typed["column"] or ()),
        since=typed["since"] or None,
        until=typed["until"] or None,
        now=typed["now"] or None,
        window=typed["window"],
        segments=tuple(typed["segment"] or ()),
        model=typed["model"],
        statistics=typed["statistics"],
        state=typed["state"],
        use_state=not typed["no_state"],
        stdin_format=typed["stdin_format"],
        fail_on=typed["fail_on"],
        undecided=typed["undecided"],
        known=typed["known"],
        soft_fail_on=tuple(typed["soft_fail_on"] or ()),
    )


def output(options: Mapping[str, Any]) -> Output:
    """How the result is said, from the options as typed."""
    return Output(
        format=options["format"],
        outputs=tuple(options["output"] or ()),
        quiet=options["quiet"],
        verbose=options["verbose"],
        color=one_of("--color", options["color"], COLOR),
        ci=not options["no_ci"],
        debug=options["debug"],
    )


def columns(pairs: Sequence[str]) -> dict[str, str]:
    """`role=column` → a mapping."""
    out = {}
    for pair in pairs:
        role, equals, column = pair.partition("=")
        if not (role and equals and column):
            raise UsageError(f"'{pair}' is no ROLE=COLUMN", "--column", "write for example prediction=late")
        out[role.strip()] = column.strip()
    return out


# annotation of a command's parameter → its options, and how they are put together
SHARED: Mapping[Any, tuple[Mapping[str, tuple[Any, Any]], Callable[[Mapping[str, Any]], Any]]] = {
    Ask: (ASK, ask),
    Reading: ({name: ASK[name] for name in READING}, ask),
    Traffic: ({name: ASK[name] for name in TRAFFIC}, ask),
    Configured: ({name: ASK[name] for name in CONFIGURED}, ask),
    Output: (OUTPUT, output),
    Beside: (BESIDE, beside),
    Canary: (CANARY, arms),
    BlueGreen: (BLUE_GREEN, arms),
}


def expanded(command: Callable[..., int]) -> Callable[..., int]:
    """The command with every parameter that is annotated `Ask` or `Output` replaced by its options."""
    own: list[inspect.Parameter] = []
    made: dict[str, tuple[Mapping[str, Any], Callable[[Mapping[str, Any]], Any]]] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        if parameter.annotation not in SHARED:
            own.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        options, make = SHARED[parameter.annotation]
        made[parameter.name] = (options, make)
        own += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for name, (annotation, default) in options.items()
        ]

    @wraps(command)
    def run(**given: Any) -> int:
        arguments = {name: make({k: given.pop(k) for k in options}) for name, (options, make) in made.items()}
        return command(**given, **arguments)

    run.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined] # inspect.signature reads it
    run.__annotations__ = {p.name: p.annotation for p in own}
    return run
