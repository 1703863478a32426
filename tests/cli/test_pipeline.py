"""`mlops pipeline`: on the sample logs, on Ray Serve's, and on graphs that are odd."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlops_cli.api import pipeline

LOGS = Path(__file__).parents[2] / "sample_logs"
RAY = Path(os.environ.get("MLOPS_REFERENCE_DATA", "/nowhere")) / "data" / "serving" / "ray_serve"
START = datetime(2026, 10, 1, tzinfo=UTC)


def spans(folder, *, hours=240, slow=(), errors=(), parents=None, seed=0, each=20):
    """Requests through root → middle → leaf, nested; in `slow` hours the leaf takes ten times as long."""
    random, rows = np.random.default_rng(seed), []
    parents = parents or {"root": None, "middle": "root", "leaf": "middle"}
    for hour in range(hours):
        for i in range(each):
            name = f"{hour}-{i}"
            at = START + timedelta(hours=hour, minutes=3 * i)
            leaf = random.gamma(20, 0.5) * (10 if hour in slow else 1)
            failed = (hour, i) in errors
            for depth, component in enumerate(parents):
                own = 5.0 * (len(parents) - 1 - depth) + (random.gamma(20, 0.02) if depth < 2 else 0)
                rows.append(
                    {
                        "request_id": name,
                        "timestamp": at + timedelta(milliseconds=depth),
                        "component": component,
                        "parent": parents[component],
                        "latency_ms": leaf + own,
                        "status": 500 if failed else 200,
                    }
                )
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(folder / "spans.parquet")
    return folder


def details(*args, **how):
    report = pipeline(*args, no_state=True, isolated=True, **how)
    return report, report.details["pipeline"]


@pytest.fixture(scope="module")
def sample():
    return details(LOGS)


def test_the_planted_latency_is_blamed_on_its_component_and_nothing_else_is(sample):
    report, found = sample
    named = [(t["first"], t["metric"], t["since"][:10], t["confirmed"]) for t in found["troubles"]]

    assert ("featurize", "self-time-p50", "2026-10-18", True) in named
    assert {first for first, *_ in named} == {"featurize", "outside"}
    assert report.exit_code == 0


def test_components_stand_in_the_order_of_the_flow_with_the_errors_that_began_in_them(sample):
    _, found = sample

    assert [n["name"] for n in found["nodes"]] == ["featurize", "score", "decide"]
    assert found["errors"] == {"featurize": 22, "score": 30, "decide": 7}
    assert all(not e["calls"] for e in found["edges"])


def test_while_it_lasts_it_fails():
    report, found = details(LOGS, until="2026-10-19")

    assert report.exit_code == 1
    assert report.verdict.action.value == "fix-pipeline"
    assert [n["level"] for n in found["nodes"]] == ["alarm", "ok", "ok"]
    assert report.verdict.because == tuple(f.id for f in report.judgement.findings)


@pytest.mark.skipif(not RAY.is_dir(), reason="MLOPS_REFERENCE_DATA is not set")
def test_errors_of_ray_serve_are_attributed_to_where_they_started():
    _, found = details(RAY)

    assert found["errors"] == {"Pipeline": 5, "Featurize": 4}
    assert [(e["parent"], e["child"]) for e in found["edges"]] == [
        ("Pipeline", "Featurize"),
        ("Pipeline", "Score"),
        ("proxy", "Pipeline"),
    ]


def test_the_time_of_a_callee_is_not_its_callers(tmp_path):
    _, found = details(spans(tmp_path, slow=range(220, 240)))

    assert [t["first"] for t in found["troubles"]] == ["leaf"]
    assert all(e["calls"] for e in found["edges"])


def test_an_error_starts_in_the_deepest_component_that_has_it(tmp_path):
    report, found = details(spans(tmp_path, errors={(200, 1), (210, 3)}))

    assert found["errors"] == {"leaf": 2}
    assert "errors started in leaf (2)" in report.verdict.reason


def test_a_healthy_pipeline_has_no_trouble(tmp_path):
    report, found = details(spans(tmp_path))

    assert (report.exit_code, found["troubles"]) == (0, ())


def test_few_windows_cannot_tell_but_still_count_errors(tmp_path):
    report, found = details(spans(tmp_path, hours=2, errors={(1, 1)}), window="1h")

    assert report.exit_code == 3
    assert "are needed to name a cause" in found["cannot"]
    assert found["errors"] == {"leaf": 1}


def test_a_circle_in_the_configured_graph_is_named(tmp_path):
    report, found = details(
        spans(tmp_path, hours=230),
        config=('pipeline.components.root.after = ["leaf"]', 'pipeline.components.leaf.after = ["root"]'),
    )

    assert report.exit_code == 3
    assert "in a circle" in found["cannot"]


def test_a_component_without_logs_is_unknown(tmp_path):
    _, found = details(spans(tmp_path, hours=230), config=('pipeline.components.cache.after = ["root"]',))
    cache = next(n for n in found["nodes"] if n["name"] == "cache")

    assert cache["level"] == "unknown"
    assert cache["said"] == "no span of it is in these logs"


def test_a_component_that_vanishes_is_at_fault(tmp_path):
    spans(tmp_path)
    frame = pl.read_parquet(tmp_path / "spans.parquet")
    gone = START + timedelta(hours=225)
    kept = frame.filter((pl.col("component") != "leaf") | (pl.col("timestamp") < gone))
    kept.write_parquet(tmp_path / "spans.parquet")

    _, found = details(tmp_path)

    assert [t["first"] for t in found["troubles"]] == ["leaf"]
    assert found["troubles"][0]["metric"] in {"volume", "sent"}


def test_a_component_that_appears_is_shown(tmp_path):
    spans(tmp_path)
    frame = pl.read_parquet(tmp_path / "spans.parquet")
    new = START + timedelta(hours=225)
    kept = frame.filter((pl.col("component") != "leaf") | (pl.col("timestamp") >= new))
    kept.write_parquet(tmp_path / "spans.parquet")

    _, found = details(tmp_path)

    assert {n["name"] for n in found["nodes"]} == {"root", "middle", "leaf"}


def test_logs_without_spans_are_undecided():
    report, found = details(LOGS / "predictions")

    assert report.exit_code == 3
    assert found["nodes"] == ()
    assert "no span names a component" in report.verdict.reason


def test_a_budget_that_is_exceeded_is_said(tmp_path):
    report, found = details(spans(tmp_path), config=("pipeline.components.leaf.budget_ms = 5",))
    leaf = next(n for n in found["nodes"] if n["name"] == "leaf")

    assert leaf["within_budget"] is False
    assert "leaf takes" in report.verdict.reason
