"""`weights`: the share of each arm as JSON, for whatever routes traffic."""

import json
from typing import TextIO

from mlops_cli.result.report import Report


def emit(report: Report, out: TextIO) -> None:
    """`{"action": ..., "weights": {"stable": 0.95, "canary": 0.05}}`; on a hold the present shares."""
    found = report.details["rollout"]
    share = found["current_share"] if report.verdict.traffic is None else report.verdict.traffic
    weights = {found["treatment"]: share}
    if found["control"]:
        weights = {found["control"]: round(1 - share, 6), **weights}
    said = {
        "action": report.verdict.action.value,
        "reason": report.verdict.reason,
        "exit_code": report.exit_code,
        "weights": weights,
        "changed": report.verdict.traffic is not None and report.verdict.traffic != found["current_share"],
    }
    out.write(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
