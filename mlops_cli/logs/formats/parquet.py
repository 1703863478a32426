"""Parquet: read as it lies, never rewritten."""

from mlops_cli.logs.canon import KINDS
from mlops_cli.logs.format import Format

MAGIC = b"PAR1"

FORMAT = Format(
    detect=lambda start, _: 1.0 if start.startswith(MAGIC) else 0.0,
    kinds=tuple(KINDS),
    unavailable={},
    read=None,
)
