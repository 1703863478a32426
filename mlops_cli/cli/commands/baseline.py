"""`mlops baseline save`: the counts of good times, to compare with later."""

import re
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from mlops_cli.cli.options import Reading
from mlops_cli.cli.progress import progress
from mlops_cli.cli.say import tell
from mlops_cli.errors import UsageError


def save(
    name: Annotated[str, Argument(metavar="NAME", help="Letters, digits, dots and dashes.")],
    ask: Reading,
    force: Annotated[bool, Option("--force", help="Replace one of this name.")] = False,
) -> int:
    """Save the profile of some logs beside the configuration, to be named by --baseline.

    Whole windows are saved only; --since and --until choose among them.
    """
    from mlops_cli.cli.asked import ready  # noqa: PLC0415 # polars and numpy
    from mlops_cli.cli.steps import BASELINES, State, reference, units  # noqa: PLC0415
    from mlops_cli.profile.cache import SUFFIX, save_baseline  # noqa: PLC0415

    if not re.fullmatch(r"\w[\w.-]*", name):
        raise UsageError(f"'{name}' is no name", "the command line", "use letters, digits, dots and dashes")
    loaded = ready(ask)
    state = State(ask, loaded)
    said = []
    with progress() as tick:
        found = units(ask, loaded, state, tick)
        paths = [Path(unit.folder) / BASELINES / f"{name}{SUFFIX}" for unit in found]
        for path in paths:
            if path.exists() and not force:
                raise UsageError(
                    "there is a baseline of this name", str(path), "choose another, or pass --force"
                )
        for unit, path in zip(found, paths, strict=True):
            profile, windows = reference(unit, ask, state, tick)
            path.parent.mkdir(parents=True, exist_ok=True)
            save_baseline(path, profile, windows)
            of = f"{windows} windows of {profile.spec.window.word}" if windows else "the whole log"
            said.append(f"{path.as_posix()}: {of}")
    return tell("\n".join([*said, f"compare with it: mlops monitor LOGS --baseline {name}"]))
