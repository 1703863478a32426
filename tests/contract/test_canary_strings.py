"""A canary string in every field of every format, in good lines and broken ones, is found in no output."""

import base64
import json
from pathlib import Path

import polars as pl
import pytest

from mlops_cli.cli.main import run

CANARY = "CANARY"
ROWS = 240


def secret(i: int) -> str:
    return f"{CANARY}{i:04d}q"


def at(i: int) -> str:
    return f"2026-01-01T{i // 60:02d}:{i % 60:02d}:00"


def nanos(i: int) -> int:
    return 1_767_225_600_000_000_000 + i * 60_000_000_000


def jsonl(i):
    return {"request_id": secret(i), "timestamp": at(i), "user_id": secret(i), "note": f"hello {secret(i)} world",
            "amount": i, "prediction": i % 2, "error": secret(i), "item": secret(i)}  # fmt: skip


def bentoml(i):
    return {
        "note": secret(i),
        "score": 0.5,
        "timestamp": at(i),
        "request_id": str(i),
        "trace_id": str(10**37 + i),
    }


def nginx_json(i):
    return {"msec": nanos(i) / 1e9, "status": 200, "request_time": 0.1, "upstream_addr": "x", "remote_addr": secret(i),
            "x_request_id": secret(i), "request": f"GET /p?{secret(i)} HTTP/1.1", "http_user_agent": secret(i),
            "score": "0.5", "segment": secret(i)}  # fmt: skip


def ray(i):
    own = {"component_name": "replica", "deployment": "A", "timestamp_ns": nanos(i), "request_id": secret(i)}
    if i % 3 == 0:
        return {**own, "message": secret(i), "exc_text": secret(i)}
    if i % 3 == 1:
        return {**own, "message": "CALL __call__ OK 3.5ms", "exc_text": secret(i)}
    return {**own, "message": "prediction", "features": [{"note": secret(i), "x": i}], "scores": [0.5]}


def attribute(name, text):
    return {"key": name, "value": {"stringValue": text}}


def otlp(i):
    named = [
        attribute("features.note", secret(i)),
        attribute("prediction", "1"),
        attribute("user", secret(i)),
    ]
    span = {"name": "a", "traceId": f"{i:032x}", "spanId": f"{i:016x}", "startTimeUnixNano": str(nanos(i)),
            "endTimeUnixNano": str(nanos(i) + 1000), "attributes": named, "status": {"code": 2, "message": secret(i)}}  # fmt: skip
    log = {"timeUnixNano": str(nanos(i)), "body": {"stringValue": secret(i)}, "attributes": named}
    return {
        "resourceSpans": [{"scopeSpans": [{"spans": [span]}]}],
        "resourceLogs": [{"scopeLogs": [{"logRecords": [log]}]}],
    }


def sagemaker(i):
    sent = base64.b64encode(f"{secret(i)},{i}".encode()).decode() if i % 2 else f"{secret(i)},{i}"
    told = {"data": sent, "encoding": "BASE64" if i % 2 else "CSV", "observedContentType": "text/csv"}
    if i == 7:
        told = {"data": f"!{secret(i)}", "encoding": "BASE64"}
    return {
        "captureData": {"endpointInput": told, "endpointOutput": {"data": "0,0.5", "encoding": "CSV"}},
        "eventMetadata": {"eventId": secret(i), "inferenceTime": at(i) + "Z"},
    }


def nginx(i):
    day = f"01/Jan/2026:{i // 60:02d}:{i % 60:02d}:00 +0000"
    return f'{secret(i)} - {secret(i)} [{day}] "GET /p?{secret(i)} HTTP/1.1" 200 5 "{secret(i)}" "{secret(i)}" rt=0.1'


def uvicorn(i):
    if i % 3 == 0:
        return f"ValueError: {secret(i)}"
    return f'INFO:     10.0.0.1:5 - "GET /p?{secret(i)} HTTP/1.1" 200 OK'


def access(i):
    return (
        f"{at(i)}+0000 [INFO] [entry_service:a:1] {secret(i)} (scheme=http,method=POST,path=/p,type=a,length=1)"
        f" (status=200,type={secret(i)},length=3) 7.0ms (trace={i:032x},span=1,sampled=0,service.name=a)"
    )


def csv(i):
    return f"{secret(i)},{at(i)},{secret(i)},{i},{i % 2}"


FORMATS = {
    "jsonl": jsonl, "bentoml": bentoml, "nginx-json": nginx_json, "ray-serve": ray, "otlp": otlp,
    "sagemaker": sagemaker, "nginx": nginx, "uvicorn": uvicorn, "bentoml-access": access, "csv": csv,
}  # fmt: skip
BROKEN = {
    "nginx": f'{CANARY} - - [x] "GET', "uvicorn": f'INFO:     1.2.3.4:5 - "{CANARY} broken',
    "bentoml-access": f"x (scheme={CANARY}", "csv": f'{CANARY},"',
}  # fmt: skip


@pytest.fixture(scope="module")
def logs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("canary") / "logs"
    for name, make in FORMATS.items():
        (folder / name).mkdir(parents=True)
        made = [make(i) for i in range(ROWS)]
        lines = [one if isinstance(one, str) else json.dumps(one) for one in made]
        lines.insert(ROWS // 2, BROKEN.get(name, '{"' + CANARY))
        lines = (["request_id,timestamp,note,amount,prediction"] if name == "csv" else []) + lines
        (folder / name / ("a.csv" if name == "csv" else "a.log")).write_text("\n".join(lines) + "\n")
    return folder


def said(capsys, *words) -> str:
    run([str(w) for w in words])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out + err


def test_every_format_is_tried(capsys, logs):
    found = json.loads(said(capsys, "sources", "detect", logs, "-f", "json"))

    assert {f["format"] for f in found["files"]} == set(FORMATS)


def test_no_output_shows_what_is_in_free_text_and_ids(capsys, logs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    forms = ("html", "markdown", "junit", "github", "jsonl", "prometheus")
    outputs = [w for f in forms for w in ("-o", f"{f}={tmp_path / f}")]
    told = [
        said(capsys, "sources", "detect", logs),
        said(capsys, "monitor", logs, "--isolated", "-f", "json", *outputs),
        said(capsys, "monitor", logs, "--isolated", "-v"),
        said(capsys, "ingest", logs, "--to", tmp_path / "store", "--isolated"),
        said(capsys, "store", "info", tmp_path / "store"),
        said(capsys, "store", "forget", tmp_path / "store", "--where", "usr = 'x'", "--isolated"),
        said(capsys, "monitor", logs, "--isolated", "--column", "prediction=nothing"),
        *((tmp_path / f).read_text() for f in forms),
        *(p.read_text() for p in (tmp_path / "store" / "quarantine").iterdir()),
    ]

    assert '"quarantined": 1' in told[1] or '"quarantined":1' in told[1]
    assert [text for text in told if CANARY in text] == []


def test_what_privacy_drops_or_hashes_is_kept_nowhere(capsys, logs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEY", "k")
    (tmp_path / "mlops.toml").write_text(
        "[privacy]\n"
        'drop = ["note", "features.note", "error", "item", "user", "segment", "features.segment", "features.0"]\n'
        'hash = ["request_id", "user_id", "user"]\nkey = "env:KEY"\n'
    )
    said(capsys, "monitor", logs)
    said(capsys, "ingest", logs, "--to", tmp_path / "store")
    tables = [*(tmp_path / ".mlops").rglob("*.parquet"), *(tmp_path / "store").rglob("*.parquet")]
    held = [p for p in tables if CANARY in pl.read_parquet(p, hive_partitioning=False).write_csv()]
    others = [p for p in tmp_path.rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes()]

    assert len(tables) > 10
    assert [str(p) for p in (*held, *others)] == []
