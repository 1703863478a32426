"""What programs ask, as Prometheus, Argo Rollouts and Flagger do, and who may not."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlops_cli.live.guard import BODY
from mlops_cli.live.prepared import Answer
from mlops_cli.live.serve import Answers, Rollouts, app
from mlops_cli.live.web import Page
from mlops_cli.result.report import Report
from mlops_cli.result.verdict import Action

HOOK = {"name": "podinfo", "namespace": "test", "phase": "Progressing", "metadata": {}}


def prepared(answer):
    return SimpleNamespace(
        latest=answer, alive=True, after=lambda revision, timeout: answer, stop=lambda t: None
    )


def rollout(reports, action, **more):
    base = reports.report()
    return Answer(
        replace(base, command="canary", verdict=replace(base.verdict, action=action)), revision=1, **more
    )


def served(monitor, canary=None, token=None, hosts=("127.0.0.1", "localhost"), most=8):
    asked = []

    def begin(control, treatment):
        asked.append((control, treatment))
        return prepared(canary or Answer())

    one = prepared(monitor)
    made = app(Answers(one, Rollouts(begin, ("v1", "v2"), most)), Page(one).routes, hosts, token)
    made.asked = asked
    return made


@pytest.fixture
def answer(reports):
    return Answer(reports.report(), revision=1)


def test_monitor_is_the_report_whatever_its_verdict(ask, answer):
    said = ask(served(answer), "/v1/monitor")

    assert said.status == 200
    assert said.headers["content-type"] == "application/json"
    assert Report.from_dict(said.json).exit_code == 1


def test_metrics_are_an_exposition_that_prometheus_reads(ask, answer):
    said = ask(served(answer), "/metrics")
    families = {f.name: f for f in text_string_to_metric_families(said.text)}

    assert said.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert families["mlops_up"].samples[0].value == 1
    assert families["mlops_exit_code"].samples[0].value == 1
    assert {"mlops_metric_value", "mlops_verdict", "mlops_last_run_timestamp_seconds"} <= set(families)


@pytest.mark.parametrize("trouble", ["", "mlops: no row can be read"])
def test_metrics_without_a_report_say_that_it_is_down(trouble, ask):
    families = list(text_string_to_metric_families(ask(served(Answer(trouble=trouble)), "/metrics").text))

    assert [(f.name, f.samples[0].value) for f in families] == [("mlops_up", 0.0)]


@pytest.mark.parametrize("path", ["/v1/monitor", "/v1/canary", "/readyz", "/page"])
def test_before_the_first_report_nothing_is_made_up(path, ask):
    assert ask(served(Answer()), path).status == 503


def test_a_trouble_is_said_in_its_parts(ask):
    trouble = "mlops: no row can be read\n  at: logs/\n  do: look there"
    said = ask(served(Answer(trouble=trouble)), "/v1/monitor")

    assert said.json == {"error": {"what": "no row can be read", "at": "logs/", "do": "look there"}}
    assert said.headers["retry-after"] == "5"


def test_argo_asks_for_two_arms_and_reads_the_action(ask, reports, answer):
    made = served(answer, rollout(reports, Action.RAMP))
    said = ask(made, "/v1/canary?control=stable&treatment=canary")

    assert made.asked == [("stable", "canary")]
    assert said.json["verdict"]["action"] == "ramp"  # `result.verdict.action` with jsonPath {$}


def test_the_arms_of_the_command_line_are_meant_where_none_are_named(ask, reports, answer):
    made = served(answer, rollout(reports, Action.RAMP))
    ask(made, "/v1/canary")

    assert made.asked == [("v1", "v2")]


@pytest.mark.parametrize("action", Action)
def test_flagger_goes_on_with_a_ramp_and_rolls_back_with_a_rollback(action, ask, reports, answer):
    made = served(answer, rollout(reports, action))
    body = json.dumps(HOOK).encode()
    gate, back = (ask(made, f"/v1/flagger/{p}", "POST", body) for p in ("gate", "rollback"))

    assert gate.status == (200 if action in {Action.RAMP, Action.PROMOTE} else 409)
    assert back.status == (200 if action is Action.ROLLBACK else 409)
    assert "missing-rate" in gate.text


def test_flagger_may_name_the_arms_in_its_metadata(ask, reports, answer):
    made = served(answer, rollout(reports, Action.RAMP))
    hook = HOOK | {"metadata": {"control": "a", "treatment": "b", "test": "all"}}
    ask(made, "/v1/flagger/gate", "POST", json.dumps(hook).encode())

    assert made.asked == [("a", "b")]


@pytest.mark.parametrize("trouble", ["", "mlops: no row can be read"])
@pytest.mark.parametrize("hook", ["gate", "rollback"])
def test_without_an_answer_traffic_stays_as_it_is(hook, trouble, ask, reports, answer):
    old = rollout(reports, Action.RAMP if hook == "gate" else Action.ROLLBACK, trouble=trouble)
    given = old if trouble else Answer()

    assert ask(served(answer, given), f"/v1/flagger/{hook}", "POST", json.dumps(HOOK).encode()).status == 503


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"3", b'{"metadata": 5}', b"\xff"])
def test_what_is_no_webhook_is_refused(body, ask, answer):
    assert ask(served(answer), "/v1/flagger/gate", "POST", body).status == 400


def test_pairs_of_arms_are_bounded(ask, reports, answer):
    made = served(answer, rollout(reports, Action.RAMP), most=2)
    codes = [ask(made, f"/v1/canary?control=a&treatment={i}").status for i in range(3)]

    assert codes == [200, 200, 429]


def test_a_pair_that_no_log_has_makes_room(ask, answer):
    made = served(answer, Answer(trouble="mlops: no such arm"), most=1)
    codes = [ask(made, f"/v1/canary?control=a&treatment={i}").status for i in range(3)]

    assert codes == [503, 503, 503]
    assert len(made.asked) == 3


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8178", "127.0.0.1.evil.example", ""])
def test_a_page_elsewhere_cannot_reach_it_by_a_name_of_its_own(host, ask, answer):
    assert ask(served(answer), "/v1/monitor", headers={"host": host}).status == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9", "127.0.0.1:80"])
def test_this_machine_may_call_it(host, ask, answer):
    assert ask(served(answer), "/v1/monitor", headers={"host": host}).status == 200


def test_a_body_is_bounded_whether_its_length_is_said_or_not(ask, answer):
    large = b"x" * (BODY + 1)

    assert ask(served(answer), "/v1/flagger/gate", "POST", large).status == 413
    assert ask(served(answer), "/v1/flagger/gate", "POST", chunks=[b"x" * 40_000] * 2).status == 413
    assert ask(served(answer), "/v1/flagger/gate", "POST", headers={"content-length": "-1"}).status == 413


def test_a_body_that_does_not_come_is_not_waited_for(ask, answer, monkeypatch):
    monkeypatch.setattr("mlops_cli.live.guard.SLOW", 0.05)

    assert ask(served(answer), "/v1/flagger/gate", "POST", chunks=[b"x", None]).status == 408


def test_a_query_is_bounded(ask, answer):
    assert ask(served(answer), "/v1/canary?control=" + "x" * 5_000).status == 414


@pytest.mark.parametrize("path", ["/", "/metrics", "/v1/monitor", "/events", "/page", "/nowhere"])
def test_without_the_token_there_is_nothing(path, ask, answer):
    made = served(answer, token="s" * 32)
    wrong = {"authorization": "Bearer " + "t" * 32}

    assert ask(made, path).status == 401
    assert ask(made, path, headers=wrong).status == 401
    assert ask(made, f"{path}?token=", headers={"cookie": "mlops_token="}).status == 401


@pytest.mark.parametrize(
    "how",
    [
        {"headers": {"authorization": "Bearer " + "s" * 32}},
        {"headers": {"cookie": "mlops_token=" + "s" * 32}},
        {"path": "/v1/monitor?token=" + "s" * 32},
    ],
)
def test_with_the_token_there_is(how, ask, answer):
    assert ask(served(answer, token="s" * 32), **{"path": "/v1/monitor"} | how).status == 200


def test_a_browser_keeps_the_token_in_a_cookie_and_out_of_the_address(ask, answer):
    said = ask(served(answer, token="s" * 32), "/?token=" + "s" * 32)

    assert said.status == 303
    assert said.headers["location"] == "/"
    assert {"httponly", "samesite=strict"} <= set(
        said.headers["set-cookie"].lower().replace(" ", "").split(";")
    )


def test_health_needs_no_token_and_says_nothing_of_the_model(ask, answer):
    assert ask(served(answer, token="s" * 32), "/healthz").json == {"status": "ok"}


def test_a_dead_watcher_is_unhealthy(ask, answer):
    made = served(answer)
    ask(made, "/v1/canary")
    dead = SimpleNamespace(latest=answer, alive=False)

    assert ask(app(Answers(dead, Rollouts(None, ("", ""))), []), "/healthz").status == 503


def test_answers_are_not_kept_or_framed(ask, answer):
    headers = ask(served(answer), "/").headers

    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"


def test_the_page_is_the_report(ask, answer):
    assert 'data-live="1"' in ask(served(answer), "/").text
    assert "<html" not in ask(served(answer), "/page").text


def test_a_page_before_there_is_a_report_cannot_be_written_to(ask):
    said = ask(served(Answer(trouble="mlops: <script>alert(1)</script>")), "/")

    assert said.status == 503
    assert "<script>" not in said.text
