"""`flagger`: the webhooks of a Flagger analysis that ask mlops before every step, and when to roll back."""

import json
from typing import TextIO

from mlops_cli.result.report import Report

TEXT = """\
# Part of a Canary: spec.analysis. A 2xx answer goes on; anything else halts, and is no failed check of ours
# to be counted: keep `threshold` high, the rollback hook decides.
analysis:
  interval: 1m
  threshold: 1000000
  stepWeights: {steps}
  webhooks:
    - name: mlops may it get more
      type: confirm-traffic-increase
      url: http://mlops.mlops.svc:8000/v1/flagger/gate
      timeout: 30s
      metadata: {metadata}
    - name: mlops may it have all
      type: confirm-promotion
      url: http://mlops.mlops.svc:8000/v1/flagger/gate
      timeout: 30s
      metadata: {metadata}
    - name: mlops is it harmful
      type: rollback
      url: http://mlops.mlops.svc:8000/v1/flagger/rollback
      timeout: 30s
      metadata: {metadata}
"""


def emit(report: Report, out: TextIO) -> None:
    """The hooks with the arms and steps of the report."""
    found = report.details["rollout"]
    arms = {k: found[k] for k in ("control", "treatment") if found[k]}
    steps = sorted({round(100 * s) for s in found["steps"] if 0 < round(100 * s) < 100})
    out.write(TEXT.format(steps=json.dumps(steps), metadata=json.dumps(arms, ensure_ascii=False)))
