"""The page: what stands on it, that it needs no network, and that no text of a log can act."""

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mlops_cli.render.document import body, page
from mlops_cli.render.registry import RENDERERS
from mlops_cli.result.report import Table
from mlops_cli.result.scope import Scope
from mlops_cli.result.tables import DISTRIBUTIONS

VOID = {"meta", "input", "br", "link", "path"}
ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "<!--",
    "&lt;b&gt;",
    "|,-",
)


class Page(HTMLParser):
    """Tags, attributes and texts; what is open at the end."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, k, v or "") for k, v in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, k, v or "") for k, v in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in {"style", "script"}:
            self.texts.append(data)

    def of(self, name):
        return [v for _, k, v in self.attributes if k == name]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def said(report):
    out = io.StringIO()
    RENDERERS["html"](report, out)
    return out.getvalue()


def attacked(reports, text):
    """A report whose every free text is this."""
    base = reports.report()
    scope = Scope(text, text, text, ((text, text),), text)
    findings = tuple(
        replace(f, code=text, scope=scope, message=text, advice=text, owner=text, runbook=text)
        for f in base.judgement.findings
    )
    ids = [f.id for f in findings]

    def cell(column, value):
        return text if isinstance(value, str) and column not in {"level", "worst", "window"} else value

    tables = tuple(
        Table(
            t.name,
            text,
            t.columns,
            tuple(tuple(cell(c, v) for c, v in zip(t.columns, row, strict=True)) for row in t.rows),
        )
        for t in base.tables
    )
    bins = tuple((ids[0], text, None, None, 0.5, 0.5) for _ in range(3))
    return replace(
        base,
        command=text,
        version=text,
        verdict=replace(base.verdict, reason=text, next_step=text),
        judgement=replace(base.judgement, findings=findings),
        sources=tuple(replace(s, path=text, kind=text, format=text) for s in base.sources),
        tables=(
            *tables,
            Table("distributions", text, DISTRIBUTIONS, bins),
            Table(text, text, (text,), ((text,),)),
        ),
        notes=(text,),
        details={"monitor": {"choices": [text], "windows": text, "judged": text, "window": text}},
        digests={text: text},
    )


@pytest.mark.parametrize("kind", ["empty", "healthy", "odd", "numberless", "huge", "whole"])
def test_every_tag_is_closed(kind, reports):
    found = Page(said(reports.ODD[kind]()))

    assert found.open == []
    assert found.tags.count("main") == 1


@pytest.mark.parametrize("text", ATTACKS)
def test_a_text_of_a_log_adds_no_tag_and_no_attribute(text, reports):
    mine, plain = Page(said(attacked(reports, text))), Page(said(attacked(reports, "plain")))

    assert mine.tags == plain.tags
    assert [(t, k) for t, k, _ in mine.attributes] == [(t, k) for t, k, _ in plain.attributes]
    assert text in mine.text


def test_only_our_script_and_style_may_act(reports):
    text = said(reports.report())
    policy = next(v for v in Page(text).of("content") if v.startswith("default-src"))
    for name in ("script", "style"):
        inside = re.search(f"<{name}>(.*?)</{name}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy


def test_nothing_is_fetched_and_no_handler_or_style_stands_in_a_tag(reports):
    found = Page(said(reports.report()))
    names = {k for _, k, _ in found.attributes}

    assert not names & {"src", "srcset", "style", "action"}
    assert not {n for n in names if n.startswith("on")}
    assert all(h.startswith(("#", "https://wiki.example/")) for h in found.of("href"))


@pytest.mark.parametrize(
    "runbook", ["javascript:alert(1)", "data:text/html,x", " https://x", "//x", "file:///etc"]
)
def test_a_runbook_is_a_link_only_where_it_is_one_of_the_web(runbook, reports):
    base = reports.report()
    findings = (replace(base.judgement.findings[0], runbook=runbook),)
    found = Page(said(replace(base, judgement=replace(base.judgement, findings=findings))))

    assert all(h.startswith("#") for h in found.of("href"))
    assert runbook.strip() in found.text


def test_the_verdict_comes_first_then_what_is_open_then_the_metrics(reports):
    text = Page(said(reports.report())).text
    order = ["FAIL", "fix pipeline", "Open 2 alarms", "Shifted", "Recovered", "Input", "Could not be judged"]

    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_a_finding_has_its_numbers_its_chart_and_what_to_do(reports):
    text = said(reports.report())
    card = re.search(r'<article class="finding alarm open".*?</article>', text, re.DOTALL)[0]
    words = Page(card).text

    for part in ("missing-rate", "carrier", "26 %", "baseline 3 %", "95 % 24 to 28 %", "n 1,799"):
        assert part in words
    assert "Ask who sends this field" in words
    assert "data team" in words
    assert "model version 1.1.0 has 20 % of the traffic" in words
    assert "https://wiki.example/missing" in Page(card).of("href")
    assert 'class="dot alarm"' in card


def test_charts_say_each_window_and_share_one_axis(reports):
    found = Page(said(reports.report()))
    axis = json.loads(found.of("data-axis")[0])

    assert len(axis["at"]) == len(axis["names"]) == 30
    assert axis["names"][0] == "2026-10-01"
    assert found.of("data-windows")[0] == "0-29"
    assert len(found.of("data-said")[0].split("|")) == 30


def test_a_distribution_stands_beside_its_finding(reports):
    base = reports.report()
    name = base.judgement.findings[0].id
    rows = ((name, "UA", None, None, 0.6, 0.2), (name, "(other)", None, None, 0.4, 0.8))
    table = Table("distributions", "", DISTRIBUTIONS, rows)
    text = Page(said(replace(base, tables=(*base.tables, table)))).text

    assert "UA 20 % 60 %" in text
    assert "(other) 80 % 40 %" in text


def test_numbers_are_binned_from_end_to_end(reports):
    base = reports.report()
    name = base.judgement.findings[0].id
    rows = (
        (name, "", None, 5.0, 0.5, 0.1),
        (name, "", 5.0, 10.0, 0.3, 0.1),
        (name, "", 10.0, None, 0.2, 0.8),
    )
    table = Table("distributions", "", DISTRIBUTIONS, rows)

    assert "≤ 5 ≥ 10" in Page(said(replace(base, tables=(*base.tables, table)))).text


def test_a_table_that_the_page_does_not_know_is_shown_as_it_is(reports):
    table = Table("weather", "what the weather was", ("day", "rain_mm"), (("Monday", 3.5), ("Tuesday", None)))
    text = Page(said(replace(reports.report(), tables=(table,)))).text

    assert "what the weather was day rain mm Monday 3.5 Tuesday –" in text


def test_it_is_ascii_so_that_no_encoding_can_lose_a_letter(reports):
    assert said(reports.odd()).isascii()
    assert "航班" in Page(said(reports.odd())).text


def test_a_page_of_thousands_stays_small(reports):
    assert len(said(reports.huge())) < 400_000


def test_a_live_page_listens_and_only_its_inside_changes(reports):
    report = reports.report()
    whole, inside = page(report, live="7"), body(report)

    assert any("connect-src 'self'" in v for v in Page(whole).of("content"))
    assert 'data-live="7"' in whole
    assert "<html" not in inside
    assert inside.strip() in whole
