"""What a log cannot give, and what another log gives in its place."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlops_cli.logs.canon import FEATURE, KINDS
from mlops_cli.logs.format import Format, LogFile
from mlops_cli.logs.roles import Roles

# What a log of a kind should have.
WANTED: dict[str, tuple[str, ...]] = {
    "predictions": (
        "timestamp",
        "request_id",
        "prediction",
        "score",
        "model_version",
        "latency_ms",
        "status",
        "user_id",
        "label",
    ),
    "feedback": ("request_id", "label_time"),
    "decisions": ("request_id", "timestamp"),
    "requests": ("timestamp", "latency_ms", "status"),
    "spans": ("timestamp", "latency_ms", "component"),
    "gauges": ("timestamp", "host"),
}
# Of predictions: what a log of another kind gives as well.
INSTEAD: dict[str, tuple[str, str]] = {
    "label": ("feedback", "label"),
    "latency_ms": ("requests", "latency_ms"),
    "status": ("requests", "status"),
    "user_id": ("feedback", "user_action"),
}


def unavailable(roles: Roles, form: Format) -> tuple[str, ...]:
    """Canonical names that this log cannot give, those that are missed most first."""
    have = set(roles.columns).union(*roles.split.values())
    wanted = [n for n in WANTED[roles.kind] if n not in have]
    if roles.kind == "feedback" and "label" not in have:
        wanted = [n for n in wanted if n != "label_time"]
    if roles.kind == "predictions" and not any(n.startswith(FEATURE) for n in have):
        wanted.append("features")
    never = [n for n in form.unavailable if n in KINDS[roles.kind] and n not in have]
    return tuple(dict.fromkeys([*wanted, *never]))


def missed(files: Sequence[LogFile]) -> list[LogFile]:
    """The files; of predictions without what other logs of the same model have in its place."""
    has = {(f.model, kind, n) for f in files for kind, names in _maps(f).items() for n in names}
    out = []
    for file in files:
        elsewhere = {n for n, other in INSTEAD.items() if (file.model, *other) in has}
        left = tuple(n for n in file.unavailable if n not in elsewhere or file.kind != "predictions")
        out.append(replace(file, unavailable=left))
    return out


def _maps(file: LogFile) -> dict[str, Mapping[str, str]]:
    return {file.kind: file.columns, **file.split}
