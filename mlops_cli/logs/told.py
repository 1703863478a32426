"""What the report says of a part that was read."""

from mlops_cli.logs.format import Part
from mlops_cli.result.report import Source


def source(part: Part) -> Source:
    """The part as the report names it."""
    return Source(
        path=part.source.shown,
        kind=part.kind,
        format=part.source.format,
        rows=part.rows,
        quarantined=part.quarantined,
        start=part.start,
        end=part.end,
        bytes=part.source.bytes,
        fingerprint=part.source.fingerprint,
        unavailable=part.source.unavailable,
    )
