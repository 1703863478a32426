"""Reports by hand: one with every kind of thing in it, and odd ones."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mlops_cli.result.details import Monitor
from mlops_cli.result.finding import Finding, Judgement, Level, Rule, Status, by_severity
from mlops_cli.result.report import BadLine, Report, Source, Table
from mlops_cli.result.scope import Scope, Window, iso
from mlops_cli.result.tables import BOUNDS, CHANGES, MODELS, UNKNOWN, WINDOWS
from mlops_cli.result.tables import SERIES as COLUMNS
from mlops_cli.result.verdict import Action, Degree, Verdict

START = datetime(2026, 10, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def finding(code, group, level, status, at, value, unit, **more):
    given = {
        "rule": Rule.RELATIVE,
        "scope": Scope(),
        "n": 2_010,
        "low": None,
        "high": None,
        "reference": None,
        "threshold": None,
        "advice": "",
        "days": 1,
        "note": "",
    } | more
    days, note, scope = given.pop("days"), given.pop("note"), given["scope"]
    place = scope.text()
    subject = f"{code} of {place}" if scope.field else f"{code} in {place}" if place else code
    facts = [f"n {given['n']}"]
    if given["reference"] is not None:
        facts.append(f"baseline {given['reference']:.4g}")
    facts.append(f"{level.word} at {given['threshold'] or 0:.4g}")
    message = f"{subject} is {value:.4g} ({', '.join(facts)})" + (f"; {note}" if note else "")
    return Finding(
        code=code,
        group=group,
        level=level,
        status=status,
        window=Window(START + DAY * (at + days - 1), START + DAY * (at + days)),
        since=START + DAY * at,
        value=value,
        unit=unit,
        message=message,
        **given,
    )


MISSING = finding(
    "missing-rate",
    "input",
    Level.ALARM,
    Status.OPEN,
    28,
    0.26,
    "share",
    scope=Scope("delay", "scorer", "", (("origin", "JFK"),), "carrier"),
    n=1_799,
    low=0.24,
    high=0.28,
    reference=0.03,
    threshold=0.08,
    advice="Ask who sends this field what changed on that day",
    owner="data team",
    runbook="https://wiki.example/missing",
    note="2 earlier incidents",
    days=2,
)
FINDINGS = (
    MISSING,
    finding(
        "volume",
        "input",
        Level.ALARM,
        Status.OPEN,
        29,
        507,
        "rows",
        n=507,
        reference=2_025,
        threshold=607.5,
        advice="See whether a client stopped sending, or logging was lost",
    ),
    finding(
        "missing-rate",
        "input",
        Level.WARNING,
        Status.OPEN,
        28,
        0.0602,
        "share",
        scope=Scope("delay", field="dep_delay"),
        low=0.0506,
        high=0.0714,
        reference=0.0248,
        threshold=0.0448,
        advice="Ask who sends this field what changed on that day",
        days=2,
    ),
    finding(
        "drift",
        "output",
        Level.WARNING,
        Status.SHIFTED,
        20,
        0.0712,
        "share",
        scope=Scope("delay", arm="canary", field="score"),
        rule=Rule.FIXED,
        threshold=0.05,
        advice="Compare the field's values of before and after",
        note="Jensen-Shannon distance",
    ),
    finding(
        "latency-p99",
        "software",
        Level.ALARM,
        Status.RECOVERED,
        17,
        1_312.4,
        "ms",
        scope=Scope("delay", "featurize"),
        low=1_204,
        high=1_420,
        reference=14.3,
        threshold=42.9,
        advice="See which component's own latency grew",
        days=2,
    ),
    finding(
        "drift",
        "input",
        Level.ALARM,
        Status.RECOVERED,
        14,
        0.554,
        "share",
        rule=Rule.FIXED,
        scope=Scope("delay", field="distance"),
        threshold=0.15,
        advice="Compare the field's values of before and after",
        days=2,
        note="Jensen-Shannon distance",
    ),
)


def wave(base, swing, special=(), at=None):
    values = [base * (1 + 0.02 * math.sin(1.7 * i)) for i in range(30)]
    for i in special:
        values[i] = at
    return [float(f"{v:.6g}") if v is not None else None for v in values]


# code, group, place, unit, direction, values, reference, threshold, n, id of its finding
SERIES = (
    ("volume", "input", ("", "", "", "", ""), "rows", "both", wave(2_025, 1, (29,), 507.0), 2_025, 607.5, 507),
    ("missing-rate", "input", ("delay", "scorer", "", "origin=JFK", "carrier"), "share", "up",
     wave(0.03, 1, (28, 29), 0.26), 0.03, 0.08, 1_799),
    ("missing-rate", "input", ("delay", "", "", "", "dep_delay"), "share", "up",
     wave(0.0248, 1, (28, 29), 0.0602), 0.0248, 0.0448, 2_010),
    ("missing-rate", "input", ("delay", "", "", "", "origin"), "share", "up", [0.0] * 30, 0.0, 0.05, 2_010),
    ("infinite-rate", "input", ("delay", "", "", "", "dep_delay"), "share", "up", [0.0] * 30, None, 0.0, 2_010),
    ("type-change", "input", ("delay", "", "", "", "dep_delay"), "share", "up", [0.0] * 30, None, 0.0, 2_010),
    ("drift", "input", ("delay", "", "", "", "distance"), "share", "up",
     wave(0.021, 1, (14, 15), 0.554), None, 0.15, 2_010),
    ("drift", "output", ("delay", "", "canary", "", "score"), "share", "up",
     wave(0.02, 1, range(20, 30), 0.0712), None, 0.05, 2_010),
    ("null-rate", "output", ("delay", "", "", "", ""), "share", "up", wave(0.001, 1), 0.001, 0.02, 2_010),
    ("latency-p99", "software", ("delay", "featurize", "", "", ""), "ms", "up",
     wave(14.3, 1, (17, 18), 1_312.4), 14.3, 42.9, 1_005),
    ("throughput", "software", ("delay", "", "", "", ""), "1/s", "both", wave(0.0234, 1, (12,), None), None, None, 2_010),
)  # fmt: skip


def tables():
    found = {f.id: f for f in FINDINGS}
    series, windows = [], []
    for code, group, place, unit, direction, values, reference, threshold, n in SERIES:
        model, component, arm, segment, field = place
        pairs = tuple(tuple(p.split("=")) for p in segment.split(",") if p)
        name = f"{code}/{Scope(model, component, arm, pairs, field).path()}"
        line = threshold is not None
        worst = found[name].level.word if name in found else "ok"
        held = name in found and found[name].status is not Status.RECOVERED
        level = (worst if held else "ok") if line else None
        first = (name, group, code, *place, unit, direction, level, worst)
        series.append((*first, values[-1], n, None, None, reference, threshold, None, None))
        for i, value in enumerate(values):
            beyond = line and name in found and abs(value - values[1]) > 0.2 * values[1]
            judged = None if i < 10 or not line else worst if beyond else "ok"
            windows.append((name, iso(START + DAY * i), value, n, judged, threshold if i >= 10 else None))
    unknown = (
        ("model", "auc", "delay", "", "the labels have not come yet", 1, 12),
        ("input", "drift", "delay", "seat", "fewer than 200 rows", 3, 60),
        ("input", "missing-rate", "delay", "seat", "fewer than 200 rows", 3, 60),
        ("software", "queue-p95", "delay", "", "there is no queue_ms in these logs", 1, 1),
    )
    return (
        Table("models", "models, worst first", MODELS, (("delay", "alarm", 2, 1, 2, 812, 133, MISSING.id),)),
        Table("series", "every series", COLUMNS, tuple(series)),
        Table("windows", "windows of 11 of 11 series", WINDOWS, tuple(windows)),
        Table("unknown", "what could not be judged, and why", UNKNOWN, unknown),
        Table(
            "bounds",
            "where the lines stand",
            BOUNDS,
            (
                ("input", "missing-rate", "alarm", "mlops.toml", 14),
                ("input", "missing-rate", "warning", "mlops.toml", 13),
            ),
        ),
        Table(
            "changes",
            "what else changed near the onset",
            CHANGES,
            ((MISSING.id, "model version 1.1.0 has 20 % of the traffic", "2026-10-28T22:00:00Z"),),
        ),
    )


def report():
    """A failing run in which everything happens."""
    monitor = Monitor(
        window="1d",
        windows=30,
        judged=20,
        baseline="the first 10 windows (2026-10-01 to 2026-10-10)",
        since=None,
        until=None,
        timezone="UTC",
        unfinished=("2026-10-30T00:00:00Z",),
        age_seconds=None,
        rows=177_202,
        choices=(
            "windows of 1d: 30, 20 judged (--window, --since, --until)",
            "baseline: the first 10 windows (2026-10-01 to 2026-10-10) (--baseline)",
            "the last 1 window(s) are not over: not judged on volume or throughput",
        ),
    )
    sources = (
        Source("logs/predictions.parquet", "predictions", "parquet", 59_238, 0, START, START + DAY * 30, 2_400_000,
               "sha256:00", ("model_version", "status")),
        Source("logs/access.jsonl.gz", "requests", "jsonl", 59_782, 2, START, START + DAY * 30, 1_300_000,
               "sha256:01"),
        Source("logs/labels.jsonl", "feedback", "jsonl", 58_182, 0, None, None, 9_500_000, "sha256:02"),
    )  # fmt: skip
    findings = tuple(sorted(FINDINGS, key=by_severity))
    return Report(
        command="monitor",
        version="0.1.0",
        generated=datetime(2026, 11, 11, 6, tzinfo=UTC),
        now=datetime(2026, 10, 30, 23, 59, 58, tzinfo=UTC),
        exit_code=1,
        level=Level.ALARM,
        verdict=Verdict(
            Action.FIX_PIPELINE,
            f"{MISSING.message} and 1 more alarm",
            MISSING.advice,
            because=tuple(f.id for f in findings if f.level is Level.ALARM and f.status is Status.OPEN),
        ),
        judgement=Judgement(Level.ALARM, 812, 133, findings),
        sources=sources,
        details={"monitor": monitor.to_dict()},
        tables=tables(),
        quarantine=(
            BadLine("logs/access.jsonl.gz", 1_182, 402_117, 311, "no JSON: unterminated string"),
            BadLine("logs/access.jsonl.gz", 1_190, 403_000, 12, "no JSON: it ends early"),
        ),
        notes=("no format claims logs/README.txt", "timestamp of logs/labels.jsonl read as UTC"),
        digests={"settings": "sha256:aa"},
    )


def empty():
    """Nothing was read and nothing judged."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    held = Verdict(
        Action.HOLD, "undecided: nothing could be checked", "see what could not be judged, and why"
    )
    return Report("monitor", "0.1.0", at, at, 3, Level.UNKNOWN, held, Judgement(Level.OK, 0, 0))


def healthy():
    """All is well."""
    whole = report()
    series = whole.table("series")
    good = tuple((*r[:10], "ok" if r[10] else None, "ok", *r[12:]) for r in series.rows)
    return replace(
        whole,
        exit_code=0,
        level=Level.OK,
        verdict=Verdict(Action.NONE, "healthy: 812 checks passed"),
        judgement=Judgement(Level.OK, 812, 0),
        tables=(replace(series, rows=good[3:]),),
        quarantine=(),
        notes=(),
    )


EVIL = "[bold]x[/bold] \x1b[31mred\x1b[0m \u202e\x00\x07 a|b `c` <script>&amp; \"q\" 'p' @all %0A::error::\r\n:,\ud800 größe 航班 ✈"


def odd():
    """Names from a log that were made to break a page."""
    bad = finding(
        "missing-rate",
        "input",
        Level.ALARM,
        Status.OPEN,
        3,
        0.5,
        "share",
        scope=Scope(EVIL, EVIL, EVIL, ((EVIL, EVIL),), EVIL),
        advice=EVIL,
        owner=EVIL,
        runbook=EVIL,
        note=EVIL,
        threshold=0.1,
    )
    at = datetime(2026, 1, 1, tzinfo=UTC)
    row = (bad.id, "input", "missing-rate", EVIL, EVIL, EVIL, "", EVIL, "share", "up", "unknown", "ok",
           None, None, None, None, None, None, None, EVIL)  # fmt: skip
    return Report(
        "monitor",
        EVIL,
        at,
        at,
        1,
        Level.ALARM,
        Verdict(Action.INVESTIGATE, EVIL, EVIL, because=(EVIL,), traffic=0.25, degree=Degree.ASSISTED),
        Judgement(Level.ALARM, 1, 1, (bad,)),
        sources=(Source(EVIL, EVIL, EVIL, 1, 1, at, at, 1, EVIL, (EVIL,)),),
        details={EVIL: EVIL, "monitor": {"timezone": "Nowhere/Land", "choices": [EVIL], EVIL: [EVIL]}},
        tables=(
            Table("series", EVIL, COLUMNS, (row, (EVIL, *row[1:]))),
            Table("unknown", EVIL, UNKNOWN, (("input", EVIL, EVIL, EVIL, EVIL, 1, 1),)),
            Table(
                "models",
                EVIL,
                MODELS,
                ((EVIL, "alarm", 1, 0, 0, 1, 1, EVIL), ("", "ok", 0, 0, 0, 0, 0, None)),
            ),
            Table(EVIL, EVIL, (EVIL, "b"), ((EVIL, 0.5), (EVIL, math.nan))),
        ),
        quarantine=(BadLine(EVIL, 1, 0, 1, EVIL),),
        notes=(EVIL,),
        digests={EVIL: EVIL},
    )


def numberless():
    """Numbers that are none: null, NaN, infinite, huge, tiny."""
    values = (None, math.nan, math.inf, -math.inf, 1e300, 1e-300, -0.0, 5e-324)
    units = ("share", "ms", "rows", "bytes", "h", "1/s", "sd", "what")
    findings = tuple(
        replace(
            MISSING, scope=Scope(field=f"{u}{i}"), value=v, low=v, high=v, reference=v, threshold=v, unit=u
        )
        for u in units
        for i, v in enumerate(values)
    )
    return replace(empty(), exit_code=1, judgement=Judgement(Level.ALARM, 64, 0, findings))


def huge():
    """Thousands of findings, fields, models and notes; names of a thousand letters."""
    findings = tuple(
        replace(
            FINDINGS[i % 6], scope=Scope(f"m{i % 50}", field=f"f{i}-{'x' * (1_000 if i % 100 == 0 else 5)}")
        )
        for i in range(200)
    )
    models = tuple((f"m{i}", "alarm", 1, 1, 1, 10, 1, None) for i in range(50))
    unknown = tuple(("input", f"c{i % 40}", "", f"f{i}", f"reason {i % 90}", 1, 1) for i in range(400))
    return replace(
        report(),
        judgement=Judgement(Level.ALARM, 10**7, 10**5, findings),
        tables=(Table("models", "", MODELS, models), Table("unknown", "", UNKNOWN, unknown)),
        notes=tuple(f"note {i}" for i in range(500)),
        sources=tuple(
            Source(f"logs/{i}.parquet", "predictions", "parquet", 10**7, 0, START, START, 10**8, "sha256:") for i in range(200)
        ),
    )  # fmt: skip


ODD = {
    "empty": empty,
    "healthy": healthy,
    "odd": odd,
    "numberless": numberless,
    "huge": huge,
    "whole": report,
}
