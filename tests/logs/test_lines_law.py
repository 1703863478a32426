"""Of every line format: a line is a record, bad, another message or empty; none is lost, none counted twice."""

import json
import random
import re
from pathlib import Path

import pytest

from mlops_cli.config.settings import Settings
from mlops_cli.logs.discover import discover
from mlops_cli.logs.open import open_logs

DATA = Path(__file__).parent / "data"


def some(path: str, number: int, like: str = "") -> list[str]:
    return [x for x in (DATA / path).read_text().splitlines() if re.search(like, x)][:number]


CAPTURE = "sagemaker/capture/flight-delay-endpoint/AllTraffic/2026/11/23/13/"
CAPTURED = next((DATA / CAPTURE).iterdir()).name
RAY = "ray_serve/replica_flight_delay_Score_vp6o23nn.log"
# format → good lines of one row each, bad lines, other lines
LINES = {
    "nginx": (some("nginx/access.timed.log", 9), ["x", '1.2.3.4 - - [x] "GET'], []),
    "nginx-json": (some("nginx/access.json.log", 9), ['{"a": ', "nothing"], []),
    "uvicorn": (
        some("uvicorn/access.log", 9, ' - "'),
        ['INFO:     1.2.3.4:5 - "GET /x HTT', 'INFO:     1.2.3.4:5 - "'],
        ["Traceback (most recent call last):", "INFO:     Started server process [1]", "  at x"],
    ),
    "bentoml-access": (
        some("bentoml/access.log", 9, r"\(scheme="),
        ["2026-11-23T13:21:33+0000 [INFO] [a] 1.2.3.4:5 (scheme=http,method=PO"],
        ["2026-11-23T13:21:33+0000 [INFO] [cli] Starting", "Traceback"],
    ),
    "ray-serve": (
        some(RAY, 9, "CALL __call__"),
        ['{"message": "CALL __call__ OK', '{"message": "CALL x ms", "component_name": "r", "timestamp_ns": 1}'],
        ['{"message": "hello", "component_name": "replica", "timestamp_ns": 1}'],
    ),
    "otlp": (
        [json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [
            {"timeUnixNano": str(10**18 + i), "attributes": [{"key": "score", "value": {"doubleValue": 0.5}}]}
        ]}]}]}) for i in range(9)],
        ['{"resourceLogs": [', '{"resourceLogs": 7}', '{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "x"}]}]}]}'],
        [json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "hi"}}]}]}]})],
    ),
    "sagemaker": (
        some(CAPTURE + CAPTURED, 9, '"encoding":"CSV"},"endpointOutput"'),
        ['{"captureData":', '{"captureData": {}}', '{"eventMetadata": {"eventId": "e"}}'],
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", LINES)
def test_every_line_is_counted_once(tmp_path, name, seed, ending):
    rng = random.Random(f"{name} {seed}")
    good, bad, other = LINES[name]
    kinds = [("good", good)] * 6 + [("bad", bad), ("other", other), ("empty", [""])]
    drawn = [("good", good[0])]
    drawn += [(kind, rng.choice(lines)) for kind, lines in rng.choices(kinds, k=60) if lines]
    drawn.append(("good", good[1]))
    path = tmp_path / "a.log"
    path.write_bytes(ending.join(line for _, line in drawn).encode() + (ending.encode() if seed else b""))
    logs = open_logs(discover([str(path)], Settings()).files, None)
    counts = {kind: sum(k == kind for k, _ in drawn) for kind in ("good", "bad", "other")}
    main = [p for p in logs.parts if p.kind != "predictions" or name in ("otlp", "sagemaker")]
    told = [int(n.split(": ")[-2].split(" ")[0]) for n in logs.notes if "other lines" in n]

    assert good
    assert logs.files[0].format == name
    assert sum(p.rows for p in main) == counts["good"]
    assert sum(p.quarantined for p in logs.parts) == counts["bad"]
    assert sum(told) == counts["other"]
    assert [b.line for p in logs.parts for b in p.bad] == [
        i for i, (k, _) in enumerate(drawn, 1) if k == "bad"
    ]
