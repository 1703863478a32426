"""`trigger`: what a program that retrains reads, as JSON."""

import json
from typing import TextIO

from mlops_cli.errors import UsageError
from mlops_cli.result.report import Report


def emit(report: Report, out: TextIO) -> None:
    """`{"action": "automatic", "train_from": ..., "id": ...}`."""
    found = report.details.get("retrain")
    if not isinstance(found, dict):
        raise UsageError("only a retrain has a trigger", "--emit trigger", "ask `mlops retrain`")
    out.write(json.dumps(found["trigger"], indent=2, ensure_ascii=False) + "\n")
