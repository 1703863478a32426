"""Command line in, exit code out; every error ends here, as lines on stderr."""

import os
import sys
import traceback
from pathlib import Path

import typer
from typer.exceptions import TyperException

from mlops_cli.cli.lazy import group
from mlops_cli.cli.streams import flush, hush, prepare
from mlops_cli.errors import MlopsError, UsageError, nearest

EXIT_USAGE = 2
EXIT_INTERNAL = 5
EXIT_INTERRUPT = 130
ROOM = Path(__file__).parents[1]


def run(argv: list[str]) -> int:
    """Run a command line and return its exit code."""
    prepare()
    try:
        return _run(argv)
    except MlopsError as error:
        _complain(str(error))
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _complain("mlops: interrupted")
        return EXIT_INTERRUPT
    except TyperException as error:
        _complain(str(_usage(error)))
        return EXIT_USAGE
    except BrokenPipeError:  # of `--help | head`; a report's own is caught where its exit code is known
        hush(sys.stdout)
        return 0
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 # the one place; a panic of polars is no Exception
        _complain(_internal(error, debug="--debug" in argv))
        return EXIT_INTERNAL
    finally:
        flush()


def _run(argv: list[str]) -> int:
    completing = "_MLOPS_COMPLETE" in os.environ
    # Its two options cost every command the import of pydantic, so they are there where they can be meant.
    root = group(completion=completing or not argv or argv[0].startswith("-"))
    if completing:
        root.main(args=argv, prog_name="mlops")
    try:
        with root.make_context("mlops", argv or ["--help"]) as context:
            return int(root.invoke(context) or 0)
    except typer.Exit as done:
        return int(done.exit_code)


def _usage(error: TyperException) -> UsageError:
    """A wrong option or argument in our three lines, with the nearest right one."""
    context = getattr(error, "ctx", None)
    where = context.command_path if context else "the command line"
    do = f"see {where} --help" if context else ""
    option = getattr(error, "option_name", None)
    if option and context and hasattr(error, "possibilities"):
        near = nearest(option, (o for p in context.command.get_params(context) for o in p.opts))
        return UsageError(f"unknown option '{option}'", where, f"write '{near}'?" if near else do)
    say = getattr(error, "format_message", error.__str__)
    text = str(say()).rstrip(".").replace("extra argument(s) (", "extra argument (")
    return UsageError(text[:1].lower() + text[1:], where, do)


def _internal(error: BaseException, *, debug: bool) -> str:
    """What broke and where, or the traceback; the message stays out, for it may quote the user's data."""
    if debug:
        return "".join(traceback.format_exception(error)).rstrip()
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if ROOM in Path(f.filename).parents]
    where = (
        f" in {Path(ours[-1].filename).relative_to(ROOM).as_posix()}, line {ours[-1].lineno}" if ours else ""
    )
    why = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    return f"mlops: internal error: {type(error).__name__}{why}{where}; --debug shows more, please report it"


def _complain(text: str) -> None:
    try:
        sys.stderr.write(f"{text}\n")
    except (BrokenPipeError, ValueError):
        hush(sys.stderr)
