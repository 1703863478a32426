"""The one number a pipeline reads."""

from collections.abc import Collection
from datetime import datetime
from enum import IntEnum

from mlops_cli.result.finding import Judgement, Level, Status


class ExitCode(IntEnum):
    """What the process ends with; 3 is a gate that could not answer."""

    PASS = 0
    FAIL = 1
    USAGE = 2
    UNDECIDED = 3
    DATA = 4
    INTERNAL = 5


FAIL_ON = {"warning": Level.WARNING, "alarm": Level.ALARM}


def gate(
    judgement: Judgement,
    *,
    fail_on: str,
    undecided: str,
    since: datetime | None,
    required_unknown: Collection[str],
    excused: Collection[str] = (),
) -> ExitCode:
    """The exit code of a judgement.

    Parameters
    ----------
    judgement : of the judged range
    fail_on : `warning`, `alarm` or `never`
    undecided : `pass`, `fail` or empty (3)
    since : an explicitly given start of the range; what opened inside it fails, even if recovered
    required_unknown : codes of `[gate] require` that could not be judged
    excused : ids of findings that do not block

    """
    bar = FAIL_ON.get(fail_on)
    if bar is not None:
        for finding in judgement.findings:
            held = finding.status is not Status.RECOVERED
            opened = since is not None and finding.since >= since
            if finding.level >= bar and (held or opened) and finding.id not in excused:
                return ExitCode.FAIL
    if judgement.checked == 0 or required_unknown:
        return {"pass": ExitCode.PASS, "fail": ExitCode.FAIL}.get(undecided, ExitCode.UNDECIDED)
    return ExitCode.PASS
