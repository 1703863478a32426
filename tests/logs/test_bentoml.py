"""BentoML's two logs: extracts of real ones, and all of them where the reference data is at hand."""

import os
from pathlib import Path

import polars as pl
import pytest

from mlops_cli.config.settings import Settings
from mlops_cli.logs.discover import discover
from mlops_cli.logs.expressions import expression
from mlops_cli.logs.format import Logs, Part
from mlops_cli.logs.join import shared_id, with_record
from mlops_cli.logs.open import open_logs

EXTRACT = Path(__file__).parent / "data" / "bentoml"
REFERENCE = Path(os.environ.get("MLOPS_REFERENCE_DATA") or "/nowhere") / "data" / "serving"


def opened(*paths: Path) -> Logs:
    return open_logs(discover([str(p) for p in paths], Settings()).files, None)


def of(logs: Logs, kind: str, *names: str) -> pl.DataFrame:
    return pl.concat(columns(part, *names) for part in logs.of(kind))


def columns(part: Part, *names: str) -> pl.DataFrame:
    return pl.scan_parquet(part.path).select(expression(part, n) for n in names).collect()


def test_the_monitors_log_is_read_with_the_roles_of_its_schema():
    logs = opened(EXTRACT)
    frame = of(
        logs, "predictions", "request_id", "row", "trace_id", "prediction", "score", "features.dep_delay"
    )

    assert frame.height == 63
    assert frame["features.dep_delay"].null_count() == 12
    assert frame["prediction"].dtype == pl.Boolean
    assert {n for n in logs.of("predictions")[0].columns if n.startswith("features.")} == {
        f"features.{n}" for n in ("carrier", "origin", "dest", "hour", "distance", "dow", "dep_delay")
    }


def test_rows_of_a_batch_are_numbered_within_their_request():
    frame = of(opened(EXTRACT), "predictions", "request_id", "row")
    batches = frame.group_by("request_id").agg(pl.col("row").sort(), n=pl.len())

    assert batches["n"].max() > 1
    assert batches["row"].to_list() == [list(range(n)) for n in batches["n"]]


def test_the_access_log_gives_status_latency_and_sizes_and_counts_its_other_lines():
    (part,) = opened(EXTRACT).of("requests")
    frame = columns(part, "status", "latency_ms", "input_bytes", "output_bytes", "component", "path")
    lines = (EXTRACT / "access.log").read_bytes().splitlines()

    assert frame["status"].value_counts().sort("status").rows() == [(200, 52), (400, 1), (404, 1), (500, 1)]
    assert frame.row(0) == (200, 107.495, 118.0, 36.0, "flight_delay", "/predict")
    assert part.quarantined == 0
    assert f"access.log: {len(lines) - part.rows} other lines (messages, tracebacks): no records" in " ".join(
        opened(EXTRACT).notes
    )


def test_a_damaged_line_of_a_request_is_no_other_line(tmp_path):
    lines = (EXTRACT / "access.log").read_bytes().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if b"(scheme=" in line)
    lines[at] = lines[at][:150] + b"\n"
    (tmp_path / "access.log").write_bytes(b"".join(lines))
    (part,) = opened(tmp_path).of("requests")

    assert [(b.line, b.byte, b.length, b.reason) for b in part.bad] == [
        (at + 1, len(b"".join(lines[:at])), 150, "no whole line of a request")
    ]


def test_the_two_are_joined_by_their_trace_ids():
    logs = opened(EXTRACT)
    requests, predictions = logs.of("requests"), logs.of("predictions")
    joined = list(with_record(requests, predictions, ()))

    assert shared_id(requests, predictions) == "trace_id"
    assert sum(j.frame.filter(~pl.col("failed") & pl.col("recorded")).height for j in joined) == 52
    assert sum(j.tally.orphans for j in joined) == 0


def test_the_schema_files_are_no_logs_and_no_unclaimed_files():
    found = discover([str(EXTRACT)], Settings())

    assert found.unclaimed == ()
    assert [f.format for f in found.files] == ["bentoml-access", "bentoml", "bentoml"]


def test_what_the_log_cannot_give_is_said_with_its_reason():
    found = discover([str(EXTRACT)], Settings())
    data = next(f for f in found.files if f.format == "bentoml")

    assert set(data.unavailable) == {"model_version", "user_id", "label"}
    assert any("does not log the model's version" in note for note in found.notes)
    assert any("without a zone are read as UTC" in note for note in open_logs(found.files, None).notes)


def test_without_a_schema_file_the_columns_are_guessed(tmp_path):
    lines = (EXTRACT / "monitoring/flight_delay_prediction/data/data.1.log").read_bytes()
    (tmp_path / "data.1.log").write_bytes(lines)
    (part,) = opened(tmp_path).parts

    assert part.columns["score"] == "score"
    assert "features.late" in part.columns  # nothing says that it is the output


def test_a_training_table_is_read_as_a_baseline():
    logs = opened(EXTRACT.parent / "train_reference.csv")

    assert [(p.kind, p.rows) for p in logs.parts] == [("predictions", 60), ("feedback", 60)]
    assert "features.dep_delay" in logs.parts[0].columns
    assert "features.label" not in logs.parts[0].columns


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="MLOPS_REFERENCE_DATA names no folder")
def test_all_of_the_real_logs_are_read_to_the_last_record():
    logs = opened(REFERENCE / "bentoml")
    frame = of(logs, "predictions", "request_id", "row", "features.dep_delay")
    status = of(logs, "requests", "status")["status"].value_counts().sort("status").rows()
    joined = list(with_record(logs.of("requests"), logs.of("predictions"), ()))

    assert (frame.height, frame["request_id"].n_unique(), frame["features.dep_delay"].null_count()) == (
        3_955,
        3_012,
        98,
    )
    assert frame.select("request_id", "row").is_duplicated().sum() == 0
    assert status == [(200, 3_012), (400, 14), (404, 10), (500, 16)]
    assert sum(j.frame.filter("recorded").height for j in joined) == 3_012
