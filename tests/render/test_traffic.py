"""Two arms on a page: the steps of traffic and each metric's change between its bounds."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from mlops_cli.render.chart import WIDE, whisker
from mlops_cli.render.document import page
from mlops_cli.render.traffic import traffic
from mlops_cli.result.comparison import Call, Compared, Comparison, Evidence, Health, State
from mlops_cli.result.rollout import Rollout


def rollout(reports, share=0.05, after=0.1, metrics=None, **more):
    given = metrics or (
        Compared(
            "error-rate", "guardrail", "lower", Call.SAFE, "fine", 0.01, 0.011, 0.001, -0.001, 0.002, 0.003
        ),
        Compared("score", "watch", "both", Call.HARM, "moved", 0.2, 0.3, 0.1, 0.05, None, 0.01),
    )
    at = "2026-10-01T00:00:00Z"
    comparison = Comparison(
        "stable", "canary", Evidence.CONCURRENT, given, Health(State.OK), share, 0.0, (at, at), 3, {}, 500, 3,
        60.0, 60.0, {},
    )  # fmt: skip
    said = Rollout(comparison, after, (0.01, 0.05, 0.1, 0.25), None, {}, (0.01, 0.05, 0.1, 0.25, 1.0), **more)
    return replace(reports.empty(), command="canary", details={"rollout": said.to_dict()})


def test_each_step_says_where_it_stands(reports):
    assert [s for _, s in traffic(rollout(reports))["steps"]] == ["done", "done", "next", "allowed", "ahead"]


def test_a_report_of_one_arm_has_no_traffic(reports):
    assert traffic(reports.report()) is None


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_no_name_of_an_arm_or_metric_acts(text, reports):
    metric = Compared(text, text, "lower", Call.UNKNOWN, text)
    made = rollout(reports, metrics=(metric,))
    named = made.details["rollout"] | {"control": text, "treatment": text, "unit": text}
    said = page(replace(made, details={"rollout": named}))

    assert said.count("<script>") == 1
    assert "<img" not in said


def test_what_is_only_watched_has_no_level(reports):
    levels = {m["name"]: m["level"] for m in traffic(rollout(reports))["metrics"]}

    assert levels == {"error-rate": "ok", "score": ""}


def paths(svg):
    return {
        p.get("class"): [float(x) for x in re.findall(r"-?\d+(?:\.\d+)?", p.get("d"))]
        for p in ET.fromstring(svg)
    }


def test_a_change_lies_between_its_bounds_and_worse_is_to_the_right():
    drawn = paths(whisker(-0.1, 0.05, 0.2, 0.3))
    left, _, right = drawn["span"]

    assert left < drawn["dot value"][0] < right < drawn["bound"][0]
    assert drawn["reference"][0] == WIDE / 2
    assert left < WIDE / 2 < drawn["dot value"][0]


def test_a_bound_that_is_not_known_is_open():
    left, _, right = paths(whisker(None, 0.05, None, None))["span"]

    assert (left, right) == (0, WIDE)


def test_a_metric_without_an_estimate_has_no_span():
    assert set(paths(whisker(None, None, None, 0.3))) == {"reference", "bound"}
