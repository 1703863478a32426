import io
import re
from dataclasses import replace

import pytest

from mlops_cli.render.registry import RENDERERS
from mlops_cli.result.report import BadLine, Source


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch):
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def said(report, name="text", out=None):
    out = out or io.StringIO()
    RENDERERS[name](report, out)
    return out.getvalue()


def test_the_verdict_is_the_first_line_with_its_exit_code_and_the_age_of_the_data(reports):
    first = said(reports.report()).splitlines()[0]

    assert first == "FAIL  exit 1  fix-pipeline  newest record 2026-10-30 23:59 UTC, 11 days old"


def test_piped_text_is_plain_and_no_wider_than_agreed(reports):
    text = said(reports.report())

    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100
    assert not [line for line in text.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_terminal_is_filled_and_not_overrun(width, reports, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))

    assert max(map(len, said(reports.report()).splitlines())) <= width


@pytest.mark.parametrize(
    ("variables", "terminal", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
)
def test_colour_is_for_terminals_and_for_who_asks(variables, terminal, coloured, reports, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    text = said(reports.report(), out=Terminal() if terminal else io.StringIO())

    assert ("\x1b[" in text) is coloured


def test_colour_changes_no_letter(reports, monkeypatch):
    plain = said(reports.report())
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert re.sub(r"\x1b\[[0-9;]*m", "", said(reports.report())) == plain


def test_a_stream_without_our_glyphs_gets_ascii(reports):
    out = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", errors="strict", newline="\n")
    RENDERERS["text"](reports.report(), out)
    out.flush()
    text = out.buffer.getvalue().decode("cp1252")

    assert "!  missing-rate  carrier in scorer, origin=JFK" in text
    assert "?" not in text.replace("?  ", "")
    assert "_________@" in text


def test_a_shortened_list_says_how_much_is_left(reports):
    text = said(reports.huge())

    assert re.search(r"and \d+ more \(-v shows all\)", text)
    assert len(text.splitlines()) < 160


def test_nothing_is_shortened_where_all_is_asked_for(reports):
    text = said(reports.huge(), "full")

    assert not re.search(r"\bmore(?! alarm| could)", text)
    assert all(f"note {i}" in text for i in range(500))
    assert "c39" in text


def test_advice_is_given_once(reports):
    advice = reports.MISSING.advice

    assert said(reports.report()).count(advice) == 1


def test_several_models_are_a_line_each(reports):
    text = said(reports.huge())

    assert "Models (50)" in text
    assert re.search(r"●  m0 +1 +1 +1 +10 +1\n", text)


def test_one_model_is_not_named(reports):
    assert "delay" not in said(reports.report()).replace("dep_delay", "")


def test_what_no_page_knows_is_shown_as_it_is(reports):
    text = said(reports.odd())

    assert "\\u202e\\x00" in text
    assert re.search(r"0\.5\n", text)


def test_other_gates_say_traffic_and_degree(reports):
    text = said(reports.odd())

    assert "traffic: 25 %" in text
    assert "degree of automation: assisted" in text


def test_a_verdict_line_is_one_line(reports):
    assert said(reports.odd(), "line").count("\n") == 1
    assert said(replace(reports.empty(), exit_code=4), "line").startswith("ERROR (exit 4), hold: ")


def test_a_log_of_ones_own_that_lacks_what_all_have_is_told_how_to_name_columns(reports):
    def lacking(form):
        one = Source("a", "predictions", form, 1, 0, None, None, 1, "", ("prediction", "label"))
        return said(replace(reports.report(), sources=(one,)))

    assert "no prediction, label (--column ROLE=COLUMN" in lacking("csv")
    assert "--column" not in lacking("otlp")


def test_logs_without_times_have_no_newest_record(reports):
    one = Source("a", "predictions", "csv", 1, 0, None, None, 1, "")
    text = said(replace(reports.report(), sources=(one,)))

    assert "no record has a time" in text.splitlines()[0]
    assert "newest record" not in text.splitlines()[0]


def test_a_file_that_cannot_be_read_is_a_file_and_no_line(reports):
    one = Source("a.parquet", "predictions", "parquet", 0, 1, None, None, 1, "")
    report = replace(
        reports.report(), sources=(one,), quarantine=(BadLine("a.parquet", 0, 0, 9, "it is cut"),)
    )

    assert "1 file could not be read (a.parquet: it is cut)" in said(report)
