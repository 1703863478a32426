"""[notify] after a run: who is told, from the configuration and the environment."""

import hashlib
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_cli.cli.ask import Ask
from mlops_cli.config.load import Loaded
from mlops_cli.config.section import seconds
from mlops_cli.errors import UsageError

if TYPE_CHECKING:
    from mlops_cli.live.notify import Targets
    from mlops_cli.result.report import Report


def configured(loaded: Loaded) -> bool:
    """Whether anybody is to be told."""
    s = loaded.settings.notify
    return bool(s.webhook or s.alertmanager or s.urls or s.heartbeat)


def tell_others(
    report: "Report", ask: Ask, loaded: Loaded, folder: Path | None, *, dry: bool = False
) -> None:
    """Tell what is new; what went wrong is said on stderr and changes no exit code."""
    if not configured(loaded):
        return
    from mlops_cli.live.notify import notify, pretending, sending  # noqa: PLC0415 # urllib: 0.1 s

    targets, unset = _targets(loaded)
    for name in unset:
        _say(f"nobody is told by {name}: this variable is not set")
    kept = folder / "notified" / f"{_key(report, ask, loaded)}.json" if folder else None
    if dry:
        kept = None
    for wrong in notify(report, targets, kept, pretending(_say) if dry else sending()):
        _say(wrong)


def test_all(loaded: Loaded) -> int:
    """Send a test to everybody; 0 where all of it arrived."""
    from mlops_cli.live.notify import send_test, sending  # noqa: PLC0415

    if not configured(loaded):
        raise UsageError(
            "nobody is to be told", loaded.path or "mlops.toml", "write [notify] webhook = 'env:NAME'"
        )
    targets, unset = _targets(loaded)
    said = send_test(targets, sending())
    for kind, wrong in said:
        _say(f"{kind}: {wrong or 'told'}")
    for name in unset:
        _say(f"nobody is told by {name}: this variable is not set")
    failed = [kind for kind, wrong in said if wrong and kind != "heartbeat"]
    return 2 if failed or unset else 0


def _targets(loaded: Loaded) -> tuple["Targets", list[str]]:
    from mlops_cli.live.notify import Targets, secrets_in  # noqa: PLC0415

    s = loaded.settings.notify
    names = [n for n in (s.webhook, s.alertmanager, *s.urls, s.heartbeat) if n]
    found = secrets_in(names, os.environ)
    targets = Targets(
        on=s.on,
        webhook=found.get(s.webhook, ""),
        alertmanager=found.get(s.alertmanager, ""),
        urls=tuple(found[n] for n in s.urls if n in found),
        heartbeat=found.get(s.heartbeat, ""),
        lasting=timedelta(seconds=seconds(s.lasting)),
    )
    return targets, [n.removeprefix("env:") for n in names if n not in found]


def _key(report: "Report", ask: Ask, loaded: Loaded) -> str:
    """Runs over the same logs share what was told; runs over others know nothing of each other."""
    paths = sorted(os.path.abspath(p) for p in ask.paths)  # noqa: PTH100 # a glob is no path
    told = [report.command, loaded.path, loaded.folder, paths, ask.model]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _say(text: str) -> None:
    sys.stderr.write(f"mlops: {text}\n")
