"""OTLP as columns: the same tables as a reading record by record in plain Python, on real and odd lines."""

import base64
import gzip
import json
import os
import random
from pathlib import Path

import polars as pl
import pytest

from mlops_cli.config.settings import Settings
from mlops_cli.logs.discover import discover
from mlops_cli.logs.open import open_logs
from mlops_cli.logs.registry import FORMATS

DATA = Path(__file__).parent / "data/otlp"
REFERENCE = Path(os.environ.get("MLOPS_REFERENCE_DATA") or "/nowhere") / "data/serving/otel_otlp_json"
FILES = ["traces.jsonl.gz", "logs.jsonl", "metrics.jsonl"]
STATUS = ("http.response.status_code", "http.status_code", "rpc.grpc.status_code")
FIRST = {
    "request_id": ("request_id", "http.request.header.x-request-id", "x-request-id"),
    "model_version": ("model_version", "service.version"),
    "variant": ("variant", "deployment.environment.name", "deployment.environment"),
    "host": ("host.name", "service.instance.id", "service.name"),
}
PASSED = ("code.", "telemetry.", "thread.", "process.", "exception.", "log.", "bento_meta")


# Record by record


def plain(value):
    if "intValue" in value:
        return int(value["intValue"])
    if "arrayValue" in value:
        return [plain(v) for v in value["arrayValue"]["values"]]
    return next((v for k, v in value.items() if k != "kvlistValue"), None)


def named(attributes):
    return {a["key"]: plain(a.get("value", {})) for a in attributes}


def first(have, names):
    return next((have[n] for n in names if have.get(n) not in (None, "")), None)


def hexed(text):
    if not text or len(text) == 32:
        return text.lower() or None
    return base64.b64decode(text).hex()


def micros(record, *names):
    return next((int(record[n]) // 1000 for n in names if int(record.get(n, 0))), None)


def groups(line, which, scopes, records):
    for group in line.get(which, []):
        said = named(group.get("resource", {}).get("attributes", []))
        for scope in group[scopes]:
            for record in scope.get(records, []):
                yield said, record


def span_row(said, span):
    have = named(span.get("attributes", []))
    start, end = (int(span.get(n, 0)) for n in ("startTimeUnixNano", "endTimeUnixNano"))
    status = span.get("status", {})
    failed = status.get("code") in (2, "STATUS_CODE_ERROR")
    code = first(have, STATUS)
    return {
        "trace_id": hexed(span.get("traceId", "")),
        "timestamp": start // 1000 or None,
        "component": have.get("component") or span["name"],
        "parent": span.get("parentSpanId") or None,
        "latency_ms": (end - start) / 1e6 if end else None,
        "status": code if isinstance(code, int) and code >= 100 else 500 if failed else 200,
        "error": have.get("error.type") or (status.get("message") if failed else None) or None,
        "request_id": first(have, FIRST["request_id"]),
        "model": have.get("model"),
        "model_version": have.get("model_version") or first(said, FIRST["model_version"]),
        "variant": have.get("variant") or first(said, FIRST["variant"]),
        "span_id": span.get("spanId") or None,
    }


def log_row(said, log):
    body = log.get("body", {}).get("kvlistValue", {}).get("values", [])
    have = named([*body, *log.get("attributes", [])])
    kept = {k: v for k, v in have.items() if not k.startswith(PASSED)}
    whole = {n: first(said, FIRST[n]) for n in ("model_version", "variant")}
    own = {"timestamp": micros(log, "timeUnixNano", "observedTimeUnixNano")}
    return {**whole, **kept, **own, "trace_id": hexed(log.get("traceId", "")) or kept.get("trace_id")}


def reading_rows(said, metric):
    for kind in ("gauge", "sum", "histogram", "summary"):
        for point in metric.get(kind, {}).get("dataPoints", []):
            row = {"timestamp": micros(point, "timeUnixNano"), "host": first(said, FIRST["host"])}
            if "count" in point:
                yield {**row, "metric": metric["name"] + ".count", "value": float(point["count"])}
                if "sum" in point:
                    yield {**row, "metric": metric["name"] + ".sum", "value": float(point["sum"])}
            else:
                yield {
                    **row,
                    "metric": metric["name"],
                    "value": float(point.get("asInt", point.get("asDouble"))),
                }


def by_record(path):
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    out = {"spans": [], "predictions": [], "gauges": []}
    for line in map(json.loads, text.splitlines()):
        out["spans"] += [span_row(*r) for r in groups(line, "resourceSpans", "scopeSpans", "spans")]
        out["predictions"] += [log_row(*r) for r in groups(line, "resourceLogs", "scopeLogs", "logRecords")]
        for said, metric in groups(line, "resourceMetrics", "scopeMetrics", "metrics"):
            out["gauges"] += reading_rows(said, metric)
    return {kind: rows for kind, rows in out.items() if rows}


def by_columns(path):
    (file,) = discover([str(path)], Settings()).files
    out = {}
    for batch in FORMATS["otlp"].read(file):
        out.setdefault(batch.kind, []).append(batch.frame)
    return {kind: whole for kind, frames in out.items() if (whole := pl.concat(frames)).height}


def the_same(rows, frame):
    """Row for row; a time as microseconds, what is null throughout has no column."""
    frame = frame.with_columns(pl.col("timestamp").to_physical())
    names = dict.fromkeys(n for row in rows for n, v in row.items() if v is not None)
    assert set(names) == set(frame.columns)
    for name in names:
        values, wanted = frame[name].to_list(), [row.get(name) for row in rows]
        if isinstance(next(v for v in values if v is not None), str):
            wanted = [
                v if v is None or isinstance(v, str) else json.dumps(v, separators=(",", ":")) for v in wanted
            ]
        assert values == wanted, name


def same_tables(path):
    rows, frames = by_record(path), by_columns(path)
    assert set(rows) == set(frames)
    for kind, found in rows.items():
        the_same(found, frames[kind])


@pytest.mark.parametrize("name", FILES)
def test_columns_are_what_the_records_say(name):
    same_tables(DATA / name)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="MLOPS_REFERENCE_DATA names no folder")
@pytest.mark.parametrize("name", FILES)
def test_columns_are_what_all_real_records_say(name):
    same_tables(REFERENCE / name)


# Odd lines


def told(**values):
    return [{"key": k.replace("__", "."), "value": v} for k, v in values.items()]


def odd_span(rng):
    """With and without each of its fields, numbers as texts and as numbers."""
    number = rng.choice([str, int])
    every = {
        "traceId": rng.choice(["AB" * 16, base64.b64encode(b"0123456789abcdef").decode(), ""]),
        "spanId": "1" * 16,
        "parentSpanId": rng.choice(["", "2" * 16]),
        "startTimeUnixNano": number(10**18 + rng.randrange(10**12)),
        "endTimeUnixNano": number(10**18 + 10**12 + rng.randrange(10**12)),
        "status": rng.choice([{}, {"code": 2, "message": "no"}, {"code": "STATUS_CODE_ERROR"}, {"code": 1}]),
        "attributes": rng.sample(
            [
                *told(component={"stringValue": rng.choice(["", "c"])}),
                *told(http__status_code={"intValue": number(rng.choice([0, 200, 503]))}),
                *told(http__response__status_code={"stringValue": "OK"}, variant={"stringValue": "b"}),
                *told(
                    error__type={"stringValue": "E"}, unread={"arrayValue": {"values": [{"boolValue": True}]}}
                ),
                *told(model__x={"kvlistValue": {"values": told(a={})}}, model={"stringValue": "m"}),
                {"key": "x-request-id", "value": {"stringValue": "r9"}},
                {"key": "request_id", "value": {}},
                {"key": "model_version"},
            ],
            k=rng.randrange(9),
        ),
    }
    return {"name": "n", **{k: v for k, v in every.items() if rng.random() < 0.8}}


def odd_log(rng):
    scalars = [{"stringValue": "7"}, {"intValue": "7"}, {"doubleValue": 0.5}, {"boolValue": True}, {}]
    lists = [{"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "x"}]}}]
    some = rng.sample(
        told(a=rng.choice(scalars), b__c=rng.choice(scalars + lists), thread__id=scalars[1]), k=2
    )
    return {
        "timeUnixNano": rng.choice(["0", str(10**18)]),
        "observedTimeUnixNano": 10**18 + 7_000,
        "attributes": [*told(score={"doubleValue": rng.random()}), *some],
        "body": {"kvlistValue": {"values": told(prediction={"stringValue": "y"}, a={"stringValue": "body"})}},
    }


def lines_of(rng, count):
    resource = {"attributes": told(service__version={"stringValue": "1"}, host__name={"stringValue": "h"})}
    for _ in range(count):
        spans = [odd_span(rng) for _ in range(rng.randrange(1, 4))]
        logs = [odd_log(rng) for _ in range(2)]
        yield {
            "resourceSpans": [{**({"resource": resource} if rng.random() < 0.5 else {}), "scopeSpans": [{"spans": spans}]}],
            "resourceLogs": [{"scopeLogs": [{"logRecords": logs}]}],
        }  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_columns_of_odd_records_are_what_the_records_say(tmp_path, seed):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(x) + "\n" for x in lines_of(random.Random(seed), 60)))

    same_tables(path)


def test_of_many_lines_the_odd_ones_are_named_and_no_other_is_lost(tmp_path):
    lines = [json.dumps(x) for x in lines_of(random.Random(1), 40)]
    wrong = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "name": "n", "attributes": [{"key": "component", "value": {"intValue": "x"}}]}]}]}]})  # fmt: skip
    beyond = wrong.replace('"name": "n"', f'"startTimeUnixNano": "{2**70}"').replace('"intValue": "x"', "")
    (tmp_path / "good.jsonl").write_text("\n".join(lines) + "\n")
    mixed = lines.copy()
    for at, line in ((31, wrong), (30, beyond), (7, wrong)):
        mixed.insert(at, line)
    (tmp_path / "odd.jsonl").write_text("\n".join(mixed) + "\n")
    good, odd = (by_columns(tmp_path / f"{n}.jsonl") for n in ("good", "odd"))
    parts = open_logs(discover([str(tmp_path / "odd.jsonl")], Settings()).files, None).parts

    assert all(good[kind].equals(odd[kind]) for kind in good)
    assert [b.line for p in parts for b in p.bad] == [8, 32, 34]


def test_a_value_that_nobody_reads_may_be_of_any_shape_but_not_of_any_bytes(tmp_path):
    span = '{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "n", "startTimeUnixNano": "%d000", "attributes": [{"key": "a", "value": %s}]}]}]}]}\n'
    text = (span % (1, 7) + span % (2, '"x"') + span % (3, '{"doubleValue": NaN}')).encode()
    (tmp_path / "a.jsonl").write_bytes(text + (span % (4, '"?"')).encode().replace(b"?", b"\xff"))
    (part,) = open_logs(discover([str(tmp_path)], Settings()).files, None).parts

    assert (part.rows, [b.line for b in part.bad]) == (3, [4])
    assert "UTF-8" in part.bad[0].reason
