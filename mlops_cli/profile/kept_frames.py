"""Kept frames: counts of some files, under a digest of all that they depend on; they can be counted again."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from mlops_cli.logs.format import Part

STATES = 24  # of logs, whose counts are kept


def of_files(parts: Sequence[Part]) -> list[Any]:
    """What tells some files from others, whatever order they were given in."""
    return [
        (p.kind, p.fingerprint, sorted(p.columns.items()), p.source.model, p.source.timezone)
        for p in sorted(parts, key=lambda p: (p.source.path, p.path, p.kind))
    ]


def digest(*told: Any) -> str:
    """Of all that counts depend on."""
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def load(
    cache: Path, name: str, key: str, schemas: Mapping[str, Mapping[str, pl.DataType]]
) -> tuple[dict[str, pl.DataFrame], dict[str, Mapping[str, Any]]] | None:
    """Frames of an earlier run and what was said of each; None where one is missing, torn or not ours."""
    frames, said = {}, {}
    for part, schema in schemas.items():
        path = cache / f"{name}-{key}-{part}.parquet"
        try:
            said[part] = json.loads(pl.read_parquet_metadata(path)["mlops"])
            frames[part] = pl.read_parquet(path)
        except (OSError, KeyError, ValueError, pl.exceptions.PolarsError):
            return None
        if frames[part].schema != pl.Schema(schema):
            return None
    return frames, said


def save(
    cache: Path,
    name: str,
    key: str,
    frames: Mapping[str, pl.DataFrame],
    said: Mapping[str, Mapping[str, Any]],
) -> None:
    """Under a temporary name first, as two runs may fill the same folder; the oldest are dropped."""
    cache.mkdir(parents=True, exist_ok=True)
    for part, frame in frames.items():
        handle, temporary = tempfile.mkstemp(dir=cache, prefix=f".{name}-")
        with os.fdopen(handle, "wb") as file:
            frame.write_parquet(file, metadata={"mlops": json.dumps(said.get(part, {}))})
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(cache / f"{name}-{key}-{part}.parquet")
    with suppress(OSError):  # every state of logs that grow has counts of its own
        kept = sorted(cache.glob(f"{name}-*.parquet"), key=lambda p: p.stat().st_mtime)
        for path in kept[: -STATES * len(frames)]:
            path.unlink(missing_ok=True)
