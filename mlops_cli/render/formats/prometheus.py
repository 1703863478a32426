r"""`prometheus`: text exposition for node_exporter's textfile collector, and for `/metrics`.

A value that is unknown is absent: a gap in a graph is no zero. Format: Prometheus' exposition formats, text
version 0.0.4; in label values ``\``, ``"`` and line breaks are escaped.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from math import isfinite
from typing import TextIO

from mlops_cli.render.records import records
from mlops_cli.render.write import put
from mlops_cli.result.finding import Level, Status
from mlops_cli.result.report import Report
from mlops_cli.result.verdict import Action

Sample = tuple[Mapping[str, str], float]


def render(report: Report, out: TextIO) -> None:
    """One gauge a thing; families without a sample are left out."""
    text = "".join(
        f"# HELP {name} {told}\n# TYPE {name} gauge\n" + "".join(_sample(name, *s) for s in samples)
        for name, told, samples in _families(report)
        if samples
    )
    put(out, text)


def _families(report: Report) -> Iterator[tuple[str, str, list[Sample]]]:
    of = {"command": report.command}
    yield "mlops_metric_value", "Newest judged value of a series, in its own unit.", _series(report, "value")
    yield "mlops_metric_threshold", "The line it is judged by.", _series(report, "threshold")
    yield "mlops_metric_level", "0 ok, 1 unknown, 2 warning, 3 alarm.", _levels(report)
    yield "mlops_findings", "Findings by level and status.", _findings(report)
    yield (
        "mlops_verdict",
        "1 for the action that the verdict asks for, 0 for the others.",
        [({**of, "action": a.value}, float(a is report.verdict.action)) for a in Action],
    )
    yield "mlops_exit_code", "0 pass, 1 fail, 3 undecided.", [(of, float(report.exit_code))]
    yield "mlops_checks", "Checks made.", [(of, float(report.judgement.checked))]
    yield "mlops_unknown_checks", "Checks that could not be made.", [(of, float(report.judgement.unknown))]
    yield "mlops_rows_read", "Rows read, by kind of log.", _rows(report)
    yield (
        "mlops_lines_quarantined",
        "Lines that could not be read.",
        [(of, float(sum(s.quarantined for s in report.sources)))],
    )
    yield "mlops_newest_record_timestamp_seconds", "Time of the run's now.", [(of, _unix(report.now))]
    yield "mlops_last_run_timestamp_seconds", "When the report was made.", [(of, _unix(report.generated))]


def _series(report: Report, column: str) -> list[Sample]:
    out: dict[tuple[str, ...], Sample] = {}
    for row in records(report.table("series")):
        if row[column] is not None and isfinite(row[column]):
            labels = _labels(row)
            out.setdefault(tuple(labels.values()), (labels, float(row[column])))
    return list(out.values())


def _levels(report: Report) -> list[Sample]:
    out: dict[tuple[str, ...], Sample] = {}
    for row in records(report.table("series")):
        if row["level"] is not None:
            labels = _labels(row)
            level = float(Level[row["level"].upper()])
            out.setdefault(tuple(labels.values()), (labels, level))
    return list(out.values())


def _labels(row: Mapping[str, str]) -> dict[str, str]:
    names = ("model", "component", "arm", "segment", "field")
    return {"metric": row["code"], "group": row["group"], **{k: row[k] for k in names}}


def _findings(report: Report) -> list[Sample]:
    counts = Counter((f.level, f.status) for f in report.judgement.findings)
    return [
        (
            {"command": report.command, "level": level.word, "status": status.value},
            float(counts[level, status]),
        )
        for level in (Level.ALARM, Level.WARNING)
        for status in Status
    ]


def _rows(report: Report) -> list[Sample]:
    rows: Counter[str] = Counter()
    for source in report.sources:
        rows[source.kind] += source.rows
    return [({"kind": kind}, float(n)) for kind, n in rows.items()]


def _unix(moment: datetime) -> float:
    return moment.timestamp()


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    said = ",".join(f'{k}="{_escaped(v)}"' for k, v in labels.items())
    number = str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    return f"{name}{{{said}}} {number}\n"


def _escaped(text: str) -> str:
    safe = text.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate is no UTF-8
    return safe.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
