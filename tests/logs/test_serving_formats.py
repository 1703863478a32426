"""Logs of real servers: what each gives and cannot give, on extracts; all of them where they are at hand."""

import base64
import gzip
import json
import os
from pathlib import Path

import polars as pl
import pytest

from mlops_cli.config.settings import Settings
from mlops_cli.logs.discover import discover
from mlops_cli.logs.expressions import expression
from mlops_cli.logs.format import Logs, Part
from mlops_cli.logs.open import open_logs
from mlops_cli.logs.registry import FORMATS

DATA = Path(__file__).parent / "data"
REFERENCE = Path(os.environ.get("MLOPS_REFERENCE_DATA") or "/nowhere") / "data" / "serving"
real = pytest.mark.skipif(not REFERENCE.is_dir(), reason="MLOPS_REFERENCE_DATA names no folder")


def opened(*paths, settings=None) -> Logs:
    return open_logs(discover([str(p) for p in paths], settings or Settings()).files, None)


def only(path, kind) -> Part:
    (part,) = opened(path).of(kind)
    return part


def columns(part: Part, *names: str) -> pl.DataFrame:
    return pl.scan_parquet(part.path).select(expression(part, n) for n in names).collect()


def counted(part: Part, name: str) -> dict:
    return dict(columns(part, name)[name].value_counts().rows())


def records(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


# nginx


def test_nginx_json_gives_arms_latency_and_the_ids_of_clients():
    part = only(DATA / "nginx/access.json.log", "requests")
    lines = records(DATA / "nginx/access.json.log")
    frame = columns(part, "request_id", "variant", "latency_ms", "status", "input_bytes", "path")

    assert frame["variant"].to_list() == [r["variant"] for r in lines]
    assert frame["latency_ms"].to_list() == [round(r["request_time"] * 1000, 3) for r in lines]
    assert frame["status"].to_list() == [r["status"] for r in lines]
    assert frame["request_id"].to_list() == [r["x_request_id"] or None for r in lines]
    assert frame.filter(pl.col("request_id").is_null())["status"].unique().to_list() == [404]
    assert frame.filter(status=404)["path"].unique().to_list() == ["/nope"]


def test_a_score_in_a_response_header_is_a_prediction_and_a_list_of_them_is_a_batch():
    part = only(DATA / "nginx/access.json.log", "predictions")
    scores = [s for r in records(DATA / "nginx/access.json.log") for s in r["score"].split(",") if s]
    frame = columns(part, "score", "row", "features.segment")

    assert frame["score"].to_list() == [float(s) for s in scores]
    assert frame["row"].max() > 0


def test_a_dash_and_an_empty_text_are_absent_ids(tmp_path):
    line = '{"status":200,"request_time":"0.5","upstream_addr":"-","request_id":"%s"}\n'
    (tmp_path / "a.log").write_text(line % "-" + line % "" + line % "r1")

    assert columns(only(tmp_path, "requests"), "request_id")["request_id"].to_list() == [None, None, "r1"]


def test_nginx_combined_has_no_latency_and_says_so():
    found = discover([str(DATA / "nginx/access.combined.log")], Settings())
    part = only(DATA / "nginx/access.combined.log", "requests")

    assert found.files[0].unavailable[:1] == ("latency_ms",)
    assert "latency_ms" not in part.columns
    assert any("no latency_ms (nginx's `combined` has none" in note for note in found.notes)
    assert counted(part, "status") == {200: 29, 404: 10, 500: 5, 502: 23}


def test_times_that_were_added_to_nginx_combined_are_its_latency():
    text = (DATA / "nginx/access.timed.log").read_text()
    part = only(DATA / "nginx/access.timed.log", "requests")
    wanted = [float(line.split(" rt=")[1].split(" ")[0]) * 1000 for line in text.splitlines()]

    assert columns(part, "latency_ms")["latency_ms"].to_list() == pytest.approx(wanted)


def test_a_bare_request_time_at_the_end_of_a_line_is_its_latency(tmp_path):
    line = '10.0.0.1 - bob [23/Nov/2026:13:38:10 +0100] "GET /p?user=7 HTTP/1.1" 200 5 "-" "x" 0.134 0.120\n'
    (tmp_path / "access.log").write_text(line * 3)
    frame = columns(only(tmp_path, "requests"), "latency_ms", "path", "timestamp")

    assert frame["latency_ms"].to_list() == [134.0] * 3
    assert frame["path"].to_list() == ["/p"] * 3  # what follows the ? may tell who asked
    assert frame["timestamp"].dt.hour().to_list() == [12] * 3


def test_of_several_logs_of_the_same_requests_the_one_is_read_that_says_most():
    found = discover([str(DATA / "nginx")], Settings())
    both = [str(DATA / "nginx" / f"access.{n}.log") for n in ("combined", "timed")]

    assert [Path(f.shown).name for f in found.files] == ["access.json.log"]
    assert any("the same requests as" in note and "not read" in note for note in found.notes)
    assert [Path(f.shown).name for f in discover(both, Settings()).files] == ["access.timed.log"]


def test_logs_of_different_requests_are_no_twins(tmp_path):
    text = (DATA / "nginx/access.combined.log").read_text()
    (tmp_path / "a.log").write_text(text)
    other = (DATA / "nginx/access.timed.log").read_text().splitlines(keepends=True)[5:]
    (tmp_path / "b.log").write_text("".join(other))

    assert len(discover([str(tmp_path)], Settings()).files) == 2


def test_the_error_log_of_nginx_is_no_log_of_requests():
    found = discover([str(DATA / "nginx")], Settings())

    assert [Path(p).name for p in found.unclaimed] == ["error.log"]


def test_damaged_lines_of_an_access_log_are_named(tmp_path):
    lines = (DATA / "nginx/access.combined.log").read_bytes().splitlines(keepends=True)[:10]
    lines[3] = lines[3][:40] + b"\n"
    (tmp_path / "access.log").write_bytes(b"".join(lines))
    part = only(tmp_path, "requests")

    assert (part.rows, part.quarantined, part.bad[0].line, part.bad[0].length) == (9, 1, 4, 40)


# uvicorn


def test_uvicorn_gives_status_but_neither_time_nor_latency_and_says_so():
    found = discover([str(DATA / "uvicorn")], Settings())
    logs = opened(DATA / "uvicorn")
    (part,) = logs.of("requests")
    text = (DATA / "uvicorn/access.log").read_text()

    assert found.files[0].unavailable == ("timestamp", "latency_ms", "request_id", "model_version")
    assert {"timestamp", "latency_ms"}.isdisjoint(part.columns)
    assert part.rows == text.count(' - "')
    assert counted(part, "status")[500] == text.count(" 500 ")
    assert any("other lines (messages, tracebacks): no records" in note for note in logs.notes)


def test_uvicorn_with_a_time_of_its_own_has_times(tmp_path):
    line = '2026-11-23 13:21:33,123 INFO: 1.2.3.4:5 - "GET /x HTTP/1.1" 200 OK\n'
    (tmp_path / "a.log").write_text(line)

    assert str(columns(only(tmp_path, "requests"), "timestamp").item()) == "2026-11-23 13:21:33.123000+00:00"


# Ray Serve


def test_ray_serve_has_status_and_latency_in_its_messages():
    logs = opened(DATA / "ray_serve")
    parts = {columns(p, "component").row(0)[0]: p for p in logs.of("requests")}

    assert set(parts) == {"proxy", "Featurize", "Pipeline", "Score"}
    assert counted(parts["Featurize"], "status") == {200: 23, 500: 4}
    assert counted(parts["Pipeline"], "status")[500] == 9
    assert columns(parts["Featurize"], "latency_ms", "request_id").row(0) == (7.1, "US1117-20130201-EWR")
    assert sum("other lines" in note for note in logs.notes) == 4


def test_what_a_ray_serve_app_logs_of_a_prediction_is_read_a_row_each():
    (part,) = opened(DATA / "ray_serve").of("predictions")
    frame = columns(part, "request_id", "row", "score", "features.carrier", "features.dep_delay")

    assert frame.row(0) == ("DL1415-20130201-JFK", 0, 0.032057, "DL", -4.0)


def test_a_message_of_a_request_that_cannot_be_read_is_no_other_line(tmp_path):
    one = records(DATA / "ray_serve/replica_flight_delay_Score_vp6o23nn.log")[-1]
    broken = {**one, "message": "CALL __call__ OK ?ms"}
    (tmp_path / "a.log").write_text("".join(json.dumps(r) + "\n" for r in (one, broken)))
    part = only(tmp_path, "requests")

    assert (part.rows, part.quarantined) == (1, 1)


# OTLP


def test_otlp_spans_have_components_latency_and_errors():
    part = only(DATA / "otlp/traces.jsonl.gz", "spans")
    lines = gzip.decompress((DATA / "otlp/traces.jsonl.gz").read_bytes()).splitlines()
    spans = [
        s
        for li in lines
        for r in json.loads(li)["resourceSpans"]
        for c in r["scopeSpans"]
        for s in c["spans"]
    ]
    frame = columns(part, "component", "latency_ms", "trace_id", "variant", "model_version")

    assert part.rows == len(spans)
    assert frame["trace_id"].to_list() == [s["traceId"] for s in spans]
    assert frame["latency_ms"].to_list() == pytest.approx(
        [(int(s["endTimeUnixNano"]) - int(s["startTimeUnixNano"])) / 1e6 for s in spans]
    )
    assert {"featurize", "score", "decide"} <= set(frame["component"])
    assert set(frame.select("variant", "model_version").rows()) == {("canary", "1.1.0")}


def test_otlp_log_records_are_predictions_whose_absent_features_are_null():
    part = only(DATA / "otlp/logs.jsonl", "predictions")
    frame = columns(part, "request_id", "row", "features.hour", "features.dep_delay", "score", "prediction")

    assert frame.row(0) == ("US1117-20130201-EWR", 0, 5, -4.0, 0.049474, "False")
    assert frame["features.hour"].dtype == pl.Int64


def test_otlp_metrics_are_gauges_and_histograms_give_count_and_sum():
    part = only(DATA / "otlp/metrics.jsonl", "gauges")
    names = set(columns(part, "metric")["metric"])

    assert {"http.server.active_requests", "http.server.duration.count", "http.server.duration.sum"} <= names


def test_one_otlp_file_of_several_kinds_gives_each(tmp_path):
    spans = gzip.decompress((DATA / "otlp/traces.jsonl.gz").read_bytes())
    whole = b"".join([(DATA / f"otlp/{n}.jsonl").read_bytes() for n in ("logs", "metrics")]) + spans
    (tmp_path / "all.jsonl").write_bytes(whole)

    assert {p.kind: p.rows for p in opened(tmp_path).parts} == {"predictions": 25, "gauges": 25, "spans": 220}


def test_a_span_of_a_language_model_is_a_prediction_with_its_tokens(tmp_path):
    def told(**values):
        return [{"key": k.replace("__", "."), "value": v} for k, v in values.items()]

    span = {
        "name": "chat gpt",
        "traceId": "0" * 31 + "1",
        "spanId": "1" * 16,
        "startTimeUnixNano": "1795442278104059047",
        "endTimeUnixNano": "1795442279104059047",
        "attributes": told(
            gen_ai__request__model={"stringValue": "gpt"},
            gen_ai__response__id={"stringValue": "c1"},
            gen_ai__usage__input_tokens={"intValue": "24"},
        ),
    }
    (tmp_path / "t.jsonl").write_text(
        json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}) + "\n"
    )
    part = only(tmp_path, "predictions")

    assert columns(part, "request_id", "model", "tokens_in", "tokens_out", "latency_ms").row(0) == (
        "c1", "gpt", 24.0, 0.0, 1000.0,
    )  # fmt: skip


def test_numbers_of_otlp_that_are_none_are_named_as_bad_lines(tmp_path):
    line = (DATA / "otlp/logs.jsonl").read_text().splitlines()[0]
    (tmp_path / "l.jsonl").write_text(line + "\n" + line.replace('"1795', '"x795') + "\n{\n")
    part = only(tmp_path, "predictions")

    assert [b.line for b in part.bad] == [2, 3]


# SageMaker


def test_sagemaker_captures_are_read_from_csv_json_and_base64():
    logs = opened(DATA / "sagemaker/capture")
    first = columns(
        logs.of("predictions")[0], "request_id", "row", "variant", "model", "score", "prediction",
        "features.0", "features.4", "features.6",
    )  # fmt: skip
    base64d = [r for r in first.rows() if r[0] == "US1117-20130201-EWR"]

    assert base64d == [
        ("US1117-20130201-EWR", 0, "AllTraffic", "flight-delay-endpoint", 0.059705, 0, "US", 529, -4.0)
    ]
    assert {p.columns["prediction"] for p in logs.of("predictions")} == {"prediction"}
    assert all(columns(p, "prediction")["prediction"].dtype == pl.Int64 for p in logs.of("predictions"))


def test_rows_of_a_captured_batch_are_numbered():
    frame = pl.concat(
        columns(p, "request_id", "row") for p in opened(DATA / "sagemaker/capture").of("predictions")
    )

    assert frame["row"].max() > 1
    assert frame.is_duplicated().sum() == 0


def test_positions_get_their_names_from_the_configuration():
    names = ["carrier", "origin", "dest", "hour", "distance", "dow"]
    source = {"path": str(DATA / "sagemaker/capture"), "columns": {"features": names}}
    settings = Settings.model_validate({"sources": {"capture": source}})
    found = discover((), settings)
    part = open_logs(found.files, None).parts[0]

    assert {n for n in part.columns if n.startswith("features.")} == {
        *(f"features.{n}" for n in names),
        "features.6",
    }
    assert columns(part, "features.carrier")["features.carrier"].dtype == pl.String


@pytest.mark.parametrize("array", [False, True])
def test_ground_truth_is_read_as_lines_and_as_an_array(tmp_path, array):
    text = (DATA / "sagemaker/ground_truth/2026/11/23/14/0000.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    (tmp_path / "truth.jsonl").write_text(json.dumps(rows, indent=1) if array else text)
    part = only(tmp_path, "feedback")

    assert part.source.format == "sagemaker"
    assert columns(part, "request_id", "label").rows() == [
        (r["eventMetadata"]["eventId"], int(r["groundTruthData"]["data"])) for r in rows
    ]


def test_a_merged_file_of_batch_transform_gives_predictions_and_labels(tmp_path):
    record = {
        "captureData": {
            "batchTransformInput": {"data": "1,a", "encoding": "CSV"},
            "batchTransformOutput": {"data": base64.b64encode(b"0.25").decode(), "encoding": "BASE64"},
        },
        "groundTruthData": {"data": "1", "encoding": "CSV"},
        "eventMetadata": {"eventId": "e1"},
    }
    (tmp_path / "m.jsonl").write_text(json.dumps(record) + "\n")
    logs = opened(tmp_path)

    assert {p.kind: p.rows for p in logs.parts} == {"predictions": 1, "feedback": 1}
    assert columns(logs.of("predictions")[0], "prediction", "features.0").row(0) == (0.25, 1)


def test_a_payload_that_cannot_be_read_is_named_without_its_text(tmp_path):
    good = (DATA / "sagemaker/capture").rglob("28-*.jsonl").__next__().read_text().splitlines()
    broken = json.loads(next(g for g in good if "BASE64" not in g))
    broken["captureData"]["endpointInput"] = {"data": "se!cret", "encoding": "BASE64"}
    (tmp_path / "c.jsonl").write_text(good[0] + "\n" + json.dumps(broken) + "\n")
    part = only(tmp_path, "predictions")

    assert [(b.line, b.reason) for b in part.bad] == [(2, "the payload is no base64")]


# Detection


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("nginx/access.json.log", "nginx-json"),
        ("nginx/access.combined.log", "nginx"),
        ("nginx/access.timed.log", "nginx"),
        ("uvicorn/access.log", "uvicorn"),
        ("ray_serve/proxy_192.0.2.2.log", "ray-serve"),
        ("otlp/logs.jsonl", "otlp"),
        ("otlp/metrics.jsonl", "otlp"),
        ("otlp/traces.jsonl.gz", "otlp"),
        ("sagemaker/ground_truth/2026/11/23/14/0000.jsonl", "sagemaker"),
        ("bentoml/access.log", "bentoml-access"),
        ("train_reference.csv", "csv"),
    ],
)
def test_a_file_is_claimed_by_its_writers_format_only(path, wanted):
    found = discover([str(DATA / path)], Settings())
    start = (DATA / path).read_bytes()
    start = gzip.decompress(start) if path.endswith(".gz") else start
    sure = {name: FORMATS[name].detect(start[: 1 << 16], path) for name in FORMATS}

    assert found.files[0].format == wanted
    assert [n for n, s in sure.items() if s >= 0.8 and n != "bentoml-schema"] in ([wanted], [])


# All of the real files


@real
def test_all_requests_of_the_nginx_canary():
    (part,) = opened(REFERENCE / "nginx_canary/access.json.log").of("requests")
    frame = columns(part, "variant", "status", "latency_ms", "request_id")
    status = frame.group_by("variant", "status").len().sort("variant", "status").rows()

    assert status == [
        ("canary", 200, 294), ("canary", 404, 10), ("canary", 500, 1),
        ("stable", 200, 2_695), ("stable", 500, 29), ("stable", 502, 23),
    ]  # fmt: skip
    half, high = (
        frame.group_by("variant").agg(pl.col("latency_ms").quantile(q)).sort("variant")["latency_ms"]
        for q in (0.5, 0.95)
    )
    assert half.to_list() == pytest.approx([15, 15], abs=1)
    assert high.to_list() == pytest.approx([53, 52], abs=1)
    assert frame.filter(pl.col("request_id").is_null()).select("variant", "status").unique().rows() == [
        ("canary", 404)
    ]


@real
def test_all_requests_of_ray_serve():
    parts = {columns(p, "component").row(0)[0]: p for p in opened(REFERENCE / "ray_serve").of("requests")}
    half = {name: columns(p, "latency_ms")["latency_ms"].median() for name, p in parts.items()}
    failed = {name: columns(p, "status").filter(pl.col("status") == 500).height for name, p in parts.items()}

    assert parts["proxy"].rows == 1_154
    assert half == pytest.approx({"Featurize": 7.1, "Score": 12.8, "Pipeline": 52.6, "proxy": 69.3}, abs=0.1)
    assert failed == {"Featurize": 4, "Score": 0, "Pipeline": 9, "proxy": 9}


@real
def test_all_records_of_otlp():
    logs = opened(REFERENCE / "otel_otlp_json")

    assert {p.kind: p.rows for p in logs.parts} == {
        "predictions": 1_355, "gauges": 2_092, "spans": 7_339, "requests": 1_054
    }  # fmt: skip
    assert columns(logs.of("predictions")[0], "features.dep_delay")["features.dep_delay"].null_count() == 50


@real
def test_all_records_of_sagemaker():
    logs = opened(REFERENCE / "emulated")

    assert sum(p.rows for p in logs.of("predictions")) == 3_971
    assert sum(p.rows for p in logs.of("feedback")) == 2_700
    assert sum(p.quarantined for p in logs.parts) == 0
