"""Saved: a report that was kept as JSON."""

import json
import sys
from pathlib import Path

from mlops_cli.errors import DataError, UsageError
from mlops_cli.result.report import SCHEMA, Report

NONE = "name a file that --format json or -o json=FILE has written"


def read(path: str) -> Report:
    """The report that a file, or `-`, holds."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
        data = json.loads(text)
    except OSError as error:
        raise DataError(f"cannot read the result: {error.strerror}", path, NONE) from None
    except ValueError:
        raise DataError("this is no JSON", path, NONE) from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise UsageError(
            f"this result is of schema {schema}, this mlops reads schema {SCHEMA}", path, "upgrade mlops"
        )
    try:
        return Report.from_dict(data)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DataError("this is JSON, but no report", path, NONE) from None
