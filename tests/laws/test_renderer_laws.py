"""What holds of every output format, whatever the report."""

import io
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_cli.render.registry import RENDERERS
from mlops_cli.result.report import Report
from mlops_cli.result.scope import Scope

KINDS = ("empty", "healthy", "odd", "numberless", "huge", "whole")


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch):
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def said(name, report):
    out = io.StringIO()
    RENDERERS[name](report, out)
    return out.getvalue()


def test_the_odd_reports_are_those_that_are_tried(reports):
    assert set(KINDS) == set(reports.ODD)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", RENDERERS)
def test_it_ends_in_one_newline_and_moves_no_cursor(name, kind, reports):
    text = said(name, reports.ODD[kind]())

    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    raw = {c for c in text if not c.isprintable() and c != "\n"}
    assert raw <= ({"\r", "\x00", "\x07", "\x1b", "\u202e"} if name == "prometheus" else set())


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437", "utf-16"])
@pytest.mark.parametrize("kind", ["odd", "whole"])
@pytest.mark.parametrize("name", RENDERERS)
def test_it_fits_every_stream(name, kind, encoding, reports):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict", newline="\n")

    RENDERERS[name](reports.ODD[kind](), out)
    out.flush()

    assert out.buffer.getvalue().decode(encoding).endswith("\n")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", RENDERERS)
def test_a_saved_report_looks_like_the_fresh_one(name, kind, reports):
    report = reports.ODD[kind]()
    saved = Report.from_dict(json.loads(said("json", report)))

    assert said(name, saved) == said(name, report)


@pytest.mark.parametrize("name", RENDERERS)
@given(st.text(st.characters(exclude_categories=()), max_size=12))
@settings(max_examples=40, deadline=None)
def test_any_name_of_a_log_can_be_said(name, reports, text):
    scope = Scope(text, text, text, ((text, text),), text)
    base = reports.report()
    findings = tuple(replace(f, scope=scope, message=text, advice=text) for f in base.judgement.findings[:2])
    judgement = replace(base.judgement, findings=findings)
    report = replace(
        base, judgement=judgement, notes=(text,), tables=(), verdict=replace(base.verdict, reason=text)
    )

    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict")
    RENDERERS[name](report, out)
    out.flush()

    assert out.buffer.getvalue().endswith(b"\n")
