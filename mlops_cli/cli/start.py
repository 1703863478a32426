"""What follows a decision on a retrain: it is said, emitted, and, where it is automatic, started."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.asked import ready
from mlops_cli.cli.options import Output
from mlops_cli.cli.say import say, targets, write
from mlops_cli.errors import UsageError, unknown
from mlops_cli.ledger.decisions import append, beside
from mlops_cli.render.registry import EMITTERS

if TYPE_CHECKING:
    from mlops_cli.config.load import Loaded
    from mlops_cli.result.report import Report

KIND = "trigger"


def said_and_started(
    ask: Ask,
    output: Output,
    make: Callable[[], "Report"],
    emit: Sequence[str],
    *,
    run: bool,
    dry: bool,
) -> int:
    """Say, emit, start; the exit code is the report's, or 1 where what was started has failed."""
    loaded = ready(ask)
    if run and not loaded.settings.retrain.command:
        raise UsageError(
            "there is nothing to run", "--run", 'write [retrain] command = ["program", "argument"]'
        )
    to = targets(output, loaded.settings.report.outputs, loaded.folder)
    files = [_path(text) for text in emit]
    said = make()
    if None in files:  # on standard output, as a program reads it
        EMITTERS[KIND](said, sys.stdout)
        code = said.exit_code
    else:
        code = say(said, output, to)
    for path in files:
        if path is not None:
            write(path, partial(_emit, said))
    return max(code, _start(said, loaded, dry=dry)) if run or dry else code


def _path(text: str) -> Path | None:
    kind, _, path = text.partition("=")
    if kind != KIND:
        raise unknown("kind to emit", kind, (KIND,), "--emit")
    return Path(path) if path else None


def _emit(said: "Report", out: TextIO) -> None:
    EMITTERS[KIND](said, out)


def _filled(command: Sequence[str], trigger: Mapping[str, Any]) -> list[str]:
    """The command with what the trigger says for {since}, {train_from}, {train_to}, {id} and the like."""
    texts = {f"{{{k}}}": str(v) for k, v in trigger.items() if isinstance(v, str | int | float)}
    return [reduce(lambda text, k: text.replace(k, texts[k]), texts, part) for part in command]


def _start(said: "Report", loaded: "Loaded", *, dry: bool) -> int:
    """Run the command with the trigger on its standard input, and note it; 0 where nothing is to be run."""
    found = said.details["retrain"]
    command = _filled(loaded.settings.retrain.command, found["trigger"])
    shown = shlex.join(command) or "nothing: [retrain] command is not set"
    if found["action"] != "automatic":
        sys.stderr.write(f"mlops: nothing is started: the answer is {found['action']}\n")
        return 0
    if dry:
        sys.stderr.write(f"mlops: would start {shown}\n")
        return 0
    text = json.dumps(found["trigger"], ensure_ascii=False)
    try:
        done = subprocess.run(command, input=text, text=True, cwd=loaded.folder, check=False)  # noqa: S603 # the user's own
    except OSError as error:
        raise UsageError(
            f"cannot start {command[0]}: {error.strerror}",
            "[retrain] command",
            "name a program that is there",
        ) from None
    if done.returncode:
        sys.stderr.write(f"mlops: {shown} ended with {done.returncode}\n")
        return 1
    entry = {
        "at": said.now,
        "id": found["trigger"]["id"],
        "metric": found["metric"],
        "drop": found["drop"],
        "canary": "open",
    }
    append(beside(loaded.folder), "retrain", entry)
    return 0
