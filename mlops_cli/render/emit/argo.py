"""`argo`: analysis templates of Argo Rollouts that ask mlops, as a web metric and as a job."""

import json
from typing import TextIO
from urllib.parse import quote

from mlops_cli.result.report import Report

WEB = """\
# The web metric knows three answers: neither condition true is inconclusive, and the rollout pauses.
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata:
  name: mlops-canary-web
spec:
  args:
    - name: mlops
      value: http://mlops.mlops.svc:8000
  metrics:
    - name: mlops
      interval: 1m
      count: 0
      failureLimit: 0
      inconclusiveLimit: 1000000
      consecutiveErrorLimit: 10
      successCondition: result.verdict.action in ["ramp", "promote"]
      failureCondition: result.verdict.action == "rollback"
      provider:
        web:
          url: {url}
          timeoutSeconds: 60
          jsonPath: "{{$}}"
"""
JOB = """\
---
# A job knows two answers: any exit code but 0 aborts. So a hold passes here, behind a pause of the rollout.
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata:
  name: mlops-canary-job
spec:
  metrics:
    - name: mlops
      provider:
        job:
          spec:
            backoffLimit: 0
            template:
              spec:
                restartPolicy: Never
                containers:
                  - name: mlops
                    image: mlops
                    args: {args}
                    volumeMounts:
                      - {{name: logs, mountPath: /logs, readOnly: true}}
                volumes:
                  - name: logs
                    persistentVolumeClaim: {{claimName: logs, readOnly: true}}
"""


def emit(report: Report, out: TextIO) -> None:
    """Both templates, with the arms of the report."""
    found = report.details["rollout"]
    control, treatment = found["control"], found["treatment"]
    query = "&".join(f"{k}={_quoted(v)}" for k, v in (("control", control), ("treatment", treatment)) if v)
    url = json.dumps("{{args.mlops}}/v1/canary?" + query)
    args = ["canary", "/logs", *(["--control", control] if control else []), "--treatment", treatment]
    out.write(WEB.format(url=url) + JOB.format(args=json.dumps([*args, "--undecided", "pass", "--no-state"])))


def _quoted(text: str) -> str:
    return quote(text, safe="")
