"""Telling others: each finding once, recovery, failures, and that nobody is told who was not named."""

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mlops_cli.live.changes import changes, recall
from mlops_cli.live.notify import Targets, UnsentError, Way, notify, pretending, send_test, sending
from mlops_cli.result.finding import Level, Status
from mlops_cli.result.report import Table
from mlops_cli.result.tables import KNOWN

HOOK = Targets(webhook="http://hook.example/x?secret=1")
ALARMS = 2


class Others:
    """What was sent, and whether it arrives."""

    def __init__(self):
        self.posts, self.chats, self.broken = [], [], False

    @property
    def way(self):
        return Way(self.post, self.chat)

    def post(self, address, body):
        if self.broken:
            raise UnsentError("hook.example answered 500")
        self.posts.append((address, json.loads(body) if body else None))

    def chat(self, address, title, lines):
        self.chats.append((address, title, lines))


@pytest.fixture
def others():
    return Others()


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "state" / "told.json"


def recovered(report):
    found = tuple(replace(f, status=Status.RECOVERED) for f in report.judgement.findings)
    return replace(report, judgement=replace(report.judgement, findings=found))


def without(report, levels):
    """The same report without findings, its series at this level."""
    series = report.table("series")
    at = series.columns.index("level")
    rows = tuple((*r[:at], levels, *r[at + 1 :]) for r in series.rows)
    return replace(
        report, judgement=replace(report.judgement, findings=()), tables=(replace(series, rows=rows),)
    )


def test_an_alarm_is_told_once(reports, others, kept):
    for _ in range(3):
        assert notify(reports.report(), HOOK, kept, others.way) == []

    assert len(others.posts) == 1
    address, said = others.posts[0]
    assert address == HOOK.webhook
    assert {f["level"] for f in said["opened"]} == {"alarm"}
    assert len(said["opened"]) == ALARMS
    assert said["recovered"] == []


def test_owner_and_runbook_travel_with_it(reports, others, kept):
    notify(reports.report(), HOOK, kept, others.way)
    first = others.posts[0][1]["opened"][0]

    assert (first["owner"], first["runbook"]) == ("data team", "https://wiki.example/missing")
    assert "owner data team; runbook https://wiki.example/missing" in others.posts[0][1]["text"]


def test_recovery_is_told_once(reports, others, kept):
    notify(reports.report(), HOOK, kept, others.way)
    for _ in range(2):
        notify(recovered(reports.report()), HOOK, kept, others.way)

    assert len(others.posts) == 2
    assert len(others.posts[1][1]["recovered"]) == ALARMS
    assert others.posts[1][1]["opened"] == []


def test_it_is_told_again_when_it_comes_back(reports, others, kept):
    for report in (reports.report(), recovered(reports.report()), reports.report()):
        notify(report, HOOK, kept, others.way)

    assert [len(said["opened"]) for _, said in others.posts] == [ALARMS, 0, ALARMS]


@pytest.mark.parametrize(("level", "told"), [("ok", 2), ("warning", 2), ("unknown", 1), (None, 1)])
def test_no_data_is_no_recovery(level, told, reports, others, kept):
    notify(reports.report(), HOOK, kept, others.way)
    notify(without(reports.report(), level), HOOK, kept, others.way)

    assert len(others.posts) == told


def test_a_warning_that_becomes_an_alarm_is_told_again_and_the_other_way_round_is_not(reports, others, kept):
    on = replace(HOOK, on=("warning",))
    report = reports.report()
    worst = max(report.judgement.findings, key=lambda f: (f.level, f.id))

    def at(level):
        finding = replace(worst, level=level, status=Status.OPEN)
        return replace(report, judgement=replace(report.judgement, findings=(finding,)))

    for level in (Level.WARNING, Level.ALARM, Level.WARNING, Level.ALARM):
        notify(at(level), on, kept, others.way)

    assert [said["opened"][0]["level"] for _, said in others.posts] == ["warning", "alarm"]


@pytest.mark.parametrize(
    ("on", "opened"), [(("alarm",), 2), (("warning",), 4), (("recovered",), None), ((), None)]
)
def test_only_what_was_asked_for_is_told(on, opened, reports, others, kept):
    notify(reports.report(), replace(HOOK, on=on), kept, others.way)

    assert [len(said["opened"]) for _, said in others.posts] == ([] if opened is None else [opened])


def test_a_finding_that_does_not_block_is_not_told(reports, others, kept):
    report = reports.report()
    known = Table(
        "known", "", KNOWN, tuple((f.id, "ack", "seen", None, None) for f in report.judgement.findings)
    )
    notify(replace(report, tables=(*report.tables, known)), HOOK, kept, others.way)

    assert others.posts == []


def test_what_did_not_arrive_is_told_by_the_next_run_and_to_nobody_twice(reports, others, kept):
    both = replace(HOOK, urls=("mailto://x",))
    others.broken = True
    wrong = notify(reports.report(), both, kept, others.way)
    others.broken = False
    notify(reports.report(), both, kept, others.way)

    assert wrong == ["webhook: hook.example answered 500; the next run tells it again"]
    assert len(others.posts) == 1
    assert len(others.chats) == 1


def test_people_read_what_happened_and_what_to_do(reports, others, kept):
    notify(reports.report(), Targets(urls=("mailto://x",)), kept, others.way)
    _, title, lines = others.chats[0]

    assert title.startswith("mlops monitor: FAIL (exit 1), fix-pipeline: missing-rate of carrier")
    assert lines.splitlines()[0].startswith("alarm: missing-rate of carrier in scorer, origin=JFK is 26 %")


def test_alertmanager_gets_all_that_holds_at_every_run_under_the_same_labels(reports, others, kept):
    to = Targets(alertmanager="http://am.example:9093/")
    for _ in range(2):
        notify(reports.report(), to, kept, others.way)
    notify(recovered(reports.report()), to, kept, others.way)
    (url, first), (_, second), (_, last) = others.posts

    assert url == "http://am.example:9093/api/v2/alerts"
    assert first == second
    assert [a["labels"] for a in last] == [a["labels"] for a in first]
    assert {a["endsAt"] for a in first} == {"2026-11-13T06:00:00Z"}
    assert {a["endsAt"] for a in last} == {"2026-11-11T06:00:00Z"}
    one = next(a for a in first if a["labels"]["alertname"] == "missing-rate")
    assert one["labels"] == {
        "alertname": "missing-rate",
        "finding": "missing-rate/delay/scorer//origin=JFK/carrier",
        "severity": "alarm",
        "model": "delay",
        "component": "scorer",
        "segment": "origin=JFK",
        "field": "carrier",
        "owner": "data team",
    }
    assert one["annotations"]["runbook_url"] == "https://wiki.example/missing"
    assert one["startsAt"] == "2026-10-29T00:00:00Z"


def test_a_worse_level_at_alertmanager_ends_the_milder_one(reports, others, kept):
    to = Targets(alertmanager="http://am.example:9093", on=("warning",))
    report = reports.report()
    worst = report.judgement.findings[0]
    for level in (Level.WARNING, Level.ALARM):
        findings = (replace(worst, level=level),)
        notify(replace(report, judgement=replace(report.judgement, findings=findings)), to, kept, others.way)
    ended = [a["labels"]["severity"] for a in others.posts[1][1] if a["endsAt"] == "2026-11-11T06:00:00Z"]

    assert ended == ["warning"]


def test_the_heartbeat_beats_after_every_run_and_last(reports, others, kept):
    to = replace(HOOK, heartbeat="http://beat.example/1")
    for report in (reports.report(), recovered(reports.report())):
        notify(report, to, kept, others.way)

    assert [a for a, _ in others.posts] == [HOOK.webhook, to.heartbeat, HOOK.webhook, to.heartbeat]


def test_the_file_of_what_was_told_holds_no_address(reports, others, kept):
    notify(reports.report(), HOOK, kept, others.way)

    assert "hook.example" not in kept.read_text()
    assert "secret" not in kept.read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 3}', "\x00"])
def test_a_damaged_file_of_what_was_told_tells_it_again(text, reports, others, kept):
    kept.parent.mkdir()
    kept.write_text(text)

    assert recall(kept) == {}
    assert notify(reports.report(), HOOK, kept, others.way) == []
    assert len(others.posts) == 1


def test_without_a_folder_everything_open_is_told(reports, others):
    for _ in range(2):
        notify(reports.report(), HOOK, None, others.way)

    assert len(others.posts) == 2


def test_a_dry_run_says_what_would_be_sent_without_the_secret_and_keeps_nothing(reports, kept):
    said = []
    notify(reports.report(), HOOK, None, pretending(said.append))

    assert said[0].startswith('would post to hook.example: {"version": 1')
    assert "secret" not in " ".join(said)
    assert not kept.exists()


def test_a_test_reaches_every_target(others):
    to = Targets(webhook="http://a", alertmanager="http://b", urls=("mailto://x",), heartbeat="http://c")

    assert [k for k, _ in send_test(to, others.way)] == ["webhook", "alertmanager", "apprise", "heartbeat"]
    assert [a for a, _ in others.posts] == ["http://a", "http://b/api/v2/alerts"]


def test_changes_are_nothing_where_nothing_is_new(reports):
    report = reports.report()
    told = changes(report, {}, ("alarm",)).told

    assert not changes(report, told, ("alarm",))


class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, self.headers["content-type"], body))
        code = int(self.path.strip("/") or 200)
        self.send_response(code)
        if code == 302:
            self.send_header("location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    made = HTTPServer(("127.0.0.1", 0), Server)
    made.got = []
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def test_a_webhook_is_a_post_of_json(server):
    sending().post(f"http://127.0.0.1:{server.server_port}/200", b'{"a": 1}')

    assert server.got == [("/200", "application/json", b'{"a": 1}')]


@pytest.mark.parametrize("code", [302, 400, 500])
def test_any_other_answer_is_a_failure_that_names_no_secret(code, server):
    with pytest.raises(UnsentError) as error:
        sending().post(f"http://127.0.0.1:{server.server_port}/{code}", b"{}")

    assert str(error.value) == f"127.0.0.1 answered {code}"


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://x/", "127.0.0.1", "", "http://[", "http://127.0.0.1:1/"]
)
def test_what_cannot_be_reached_is_no_crash(address):
    with pytest.raises(UnsentError):
        sending().post(address, b"{}")
