"""Numbers, times and names as people read them: 12.4 %, 28 ms, 1.2 M rows."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from math import isfinite
from unicodedata import category
from zoneinfo import ZoneInfo

from mlops_cli.render.records import several_models
from mlops_cli.result.finding import Finding, Level, Status
from mlops_cli.result.report import Report

NOTHING = "–"
NIL = 1e-8  # of a share: one row of a hundred million; less comes from fitted lines, not from counts
# Cc control, Cf format (bidi overrides turn a line around), Cs lone surrogates, Zl and Zp line breaks.
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
JOINERS = "\u200c\u200d"  # of scripts and emoji


def clean(text: object) -> str:
    """Text of a log as one safe line: what would move a cursor or turn a line around is spelt out."""
    said = str(text)
    if said.isascii() and said.isprintable():
        return said
    out = []
    for char in said:
        if char in "\n\r\t":
            out.append(" ")
        elif category(char) in UNSEEN and char not in JOINERS:
            out.append(f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}")
        else:
            out.append(char)
    return "".join(out)


def quantity(value: float | None, unit: str, code: str = "") -> str:
    """A measurement with its unit: three digits, `–` where there is none.

    A drift is a distance though it lies in [0, 1]: it is no percentage.
    """
    if value is None or not isfinite(value):
        return NOTHING
    if unit == "share":
        value = value if abs(value) >= NIL else 0.0
        return _digits(value) if code.startswith("drift") else f"{_percent(value)} %"
    say = _SAID.get(unit)
    return say(value) if say else _digits(value)


def span(low: float | None, high: float | None, unit: str, code: str = "") -> str:
    """An interval, its unit once: `5.1 to 7.1 %`; empty where there is none."""
    if low is None or high is None or not (isfinite(low) and isfinite(high)):
        return ""
    first, last = quantity(low, unit, code), quantity(high, unit, code)
    digits, _, its = first.partition(" ")
    return f"{digits} to {last}" if its and its == last.partition(" ")[2] else f"{first} to {last}"


def count(n: int, thing: str = "") -> str:
    """`1 file`, `59,238 rows`, `1.24 M rows`."""
    said = f"{n:,}" if abs(n) < 1_000_000 else _scaled(n, 1_000, ("", " k", " M", " G", " T"))
    if not thing:
        return said
    plural = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}s"
    return f"{said} {thing if n == 1 else plural}"


def _percent(share: float) -> str:
    percent = 100 * share
    if 99.5 <= percent < 100:  # three digits would say that nothing is wrong
        return f"{percent:.4g}" if percent < 99.995 else f"{percent:.6g}"
    return _digits(percent)


def _digits(value: float) -> str:
    """Three digits, thousands apart, no exponent where it can be avoided."""
    if value == 0:
        return "0"
    if abs(value) >= 1e15 or abs(value) < 1e-4:
        return f"{value:.2g}"
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    said = f"{value:#.3g}"
    if "e" in said:
        said = f"{value:.6f}"
    return said.rstrip("0").rstrip(".") if "." in said else said


def _scaled(value: float, base: int, names: tuple[str, ...]) -> str:
    power = 0
    while abs(value) >= base * 0.9995 and power < len(names) - 1:
        value, power = value / base, power + 1
    return f"{_digits(value)}{names[power]}"


def _ms(value: float) -> str:
    if abs(value) < 999.5:
        return f"{_digits(value)} ms"
    return f"{_digits(value / 1000)} s" if abs(value) < 600_000 else f"{_digits(value / 60_000)} min"


def _hours(value: float) -> str:
    if abs(value) < 1:
        return (
            f"{_digits(value * 60)} min"
            if abs(value) * 60 >= 1 or not value
            else f"{_digits(value * 3_600)} s"
        )
    return f"{_digits(value)} h" if abs(value) < 48 else f"{_digits(value / 24)} d"


_SAID: dict[str, Callable[[float], str]] = {
    "ms": _ms,
    "h": _hours,
    "rows": lambda v: count(round(v)) if v == round(v) or abs(v) >= 1000 else _digits(v),
    "bytes": lambda v: _scaled(v, 1000, (" B", " kB", " MB", " GB", " TB")),
    "1/s": lambda v: f"{_digits(v)} /s",
    "sd": lambda v: f"{_digits(v)} sd",
}


def zone_of(report: Report) -> tuple[str, tzinfo]:
    """The zone in which people of this project read times, by name."""
    for detail in report.details.values():
        name = detail.get("timezone") if isinstance(detail, Mapping) else None
        if isinstance(name, str) and name:
            try:
                return name, ZoneInfo(name)
            except (KeyError, OSError, ValueError):  # a saved report, read where that zone is not known
                break
    return "UTC", UTC


def day(moment: datetime, zone: tzinfo) -> str:
    """`2026-10-29`, with its time where it is not midnight."""
    local = _local(moment, zone)
    if local.hour or local.minute or local.second:
        return f"{local:%Y-%m-%d %H:%M}" if not local.second else f"{local:%Y-%m-%d %H:%M:%S}"
    return f"{local:%Y-%m-%d}"


def minute(moment: datetime, zone: tzinfo) -> str:
    """`2026-10-29 23:59`."""
    return f"{_local(moment, zone):%Y-%m-%d %H:%M}"


def _local(moment: datetime, zone: tzinfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:  # 9999-12-31 stands for "never" in many logs
        return moment


def age(length: timedelta) -> str:
    """`3 min`, `5 h`, `12 days`."""
    seconds = length.total_seconds()
    if seconds < 5_400:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3_600)} h" if seconds < 172_800 else f"{round(seconds / 86_400)} days"


def where(component: str, arm: str, segment: Iterable[tuple[str, str]], field: str, model: str = "") -> str:
    """The place of a series: `dep_delay in scorer, canary, origin=JFK`; empty for all rows."""
    places = [p for p in (model, component, arm) if p]
    places += [f"{k}={v}" for k, v in segment]
    if not field:
        return clean(", ".join(places))
    return clean(field + (f" in {', '.join(places)}" if places else ""))


def place(finding: Finding, *, model: bool = False) -> str:
    """`where` of a finding; with the model's name where there are several."""
    s = finding.scope
    return where(s.component, s.arm, s.segment, s.field, s.model if model else "")


def sentence(finding: Finding, *, model: bool = False) -> str:
    """The finding's numbers as people write them; its own message where it has no number.

    With the model's name where there are several.
    """
    if finding.value is None or not isfinite(finding.value):
        return clean(finding.message)

    def said(value: float | None) -> str:
        return quantity(value, finding.unit, finding.code)

    facts = []
    if finding.reference is not None and isfinite(finding.reference):
        facts.append(f"baseline {said(finding.reference)}")
    if finding.threshold is not None and isfinite(finding.threshold):
        facts.append(f"{finding.level.word} at {said(finding.threshold)}")
    facts.append(f"n {count(finding.n)}")
    at = place(finding, model=model)
    subject = f"{finding.code}{' of' if finding.scope.field else ' in' if at else ''} {at}".rstrip()
    rows = " rows" if finding.unit == "rows" else ""
    return f"{subject} is {said(finding.value)}{rows} ({', '.join(facts)})"


def rest(finding: Finding) -> str:
    """What the message says beyond `sentence`: `3 earlier incidents`; all of it where it has another form."""
    if finding.value is None or not isfinite(finding.value):
        return ""
    if not finding.message.startswith(finding.code):
        return clean(finding.message)
    return clean(finding.message.partition("); ")[2])


def reason(report: Report) -> str:
    """The verdict's reason, the messages of findings in it as people write them."""
    code, dash, told = report.verdict.reason.partition(" — ")
    said = told if dash and " " not in code else report.verdict.reason  # the code is for programs
    because = report.verdict.because
    models = several_models(report)
    # Of two models the same may be said to the letter: what the verdict begins with is its first reason.
    for finding in sorted(
        (f for f in report.judgement.findings if f.id in because), key=lambda f: because.index(f.id)
    ):
        if finding.message and finding.message in said:
            said = said.replace(finding.message, sentence(finding, model=models))
    return clean(said)


def gist(report: Report) -> str:
    """`PASS`, `FAIL`, `UNDECIDED`: the exit code in a word."""
    return {0: "PASS", 1: "FAIL", 3: "UNDECIDED"}.get(report.exit_code, "ERROR")


def conclusion(report: Report) -> str:
    """The verdict in one line: `FAIL (exit 1), fix-pipeline: volume is 507 rows (...)`."""
    action = report.verdict.action.value
    asked = "" if action == "none" else f", {action}"
    return f"{gist(report)} (exit {report.exit_code}){asked}: {reason(report)}"


def tally(findings: Iterable[Finding]) -> str:
    """`1 alarm, 2 warnings` of what is open; empty where nothing is."""
    held = [f for f in findings if f.status is not Status.RECOVERED]
    alarms = sum(f.level is Level.ALARM for f in held)
    said = [(alarms, "alarm"), (sum(f.level is Level.WARNING for f in held), "warning")]
    return ", ".join(count(n, thing) for n, thing in said if n)
