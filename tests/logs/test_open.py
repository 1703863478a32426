"""From paths to parts: formats by content, rows and times, several models, the cache of text logs."""

import gzip
import io
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from mlops_cli.config.settings import Settings
from mlops_cli.errors import DataError, UsageError
from mlops_cli.logs.discover import discover
from mlops_cli.logs.expressions import available, expression
from mlops_cli.logs.format import Logs, Part
from mlops_cli.logs.open import open_logs

HERE = Path(__file__).parent
SAMPLES = HERE.parents[1] / "sample_logs"
ROWS = [
    {"request_id": f"r{i}", "timestamp": f"2026-01-0{i + 1}T10:00:00Z", "x": i, "prediction": i % 2}
    for i in range(3)
]


def jsonl(path: Path, rows=ROWS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def opened(*paths: Path | str, cache: Path | None = None, settings: Settings | None = None, **more) -> Logs:
    found = discover([str(p) for p in paths], settings or Settings(), **more)
    return open_logs(found.files, cache)


def column(part: Part, name: str) -> list:
    return pl.scan_parquet(part.path).select(expression(part, name)).collect().to_series().to_list()


def at(day: int, hour: int = 10) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "json", "csv", "parquet"])
def test_the_same_rows_are_read_from_every_format(tmp_path, form):
    frame = pl.DataFrame(ROWS)
    path = tmp_path / f"log.{form}"
    if form == "parquet":
        frame.write_parquet(path)
    else:
        text = (
            frame.write_csv()
            if form == "csv"
            else json.dumps(ROWS)
            if form == "json"
            else frame.write_ndjson()
        )
        path.write_bytes(gzip.compress(text.encode()) if form.endswith("gz") else text.encode())
    (part,) = opened(path).parts

    assert (part.kind, part.rows, part.quarantined) == ("predictions", 3, 0)
    assert (part.start, part.end) == (at(1), at(3))
    assert available(part) == {"request_id", "timestamp", "prediction", "features.x"}
    assert column(part, "timestamp") == [at(1), at(2), at(3)]
    assert column(part, "features.x") == [0, 1, 2]


def test_the_sample_logs_are_read_to_the_last_row(tmp_path):
    seen = discover([str(SAMPLES)], Settings())
    logs = open_logs(seen.files, tmp_path)
    rows: dict[str, int] = {}
    for part in logs.parts:
        rows[part.kind] = rows.get(part.kind, 0) + part.rows

    assert rows == {
        "predictions": 59_238,
        "feedback": 57_175 + 30_199,
        "requests": 59_782,
        "spans": 89_173,
        "decisions": 4_783,
        "gauges": 17_280,
    }
    assert sum(part.quarantined for part in logs.parts) == 0
    assert (seen.notes, logs.notes) == ((), ())
    assert sorted(Path(p).name for p in seen.unclaimed) == ["README.md", "make.py"]


def test_a_label_within_the_prediction_is_a_part_of_its_own_on_the_same_file(tmp_path):
    path = jsonl(tmp_path / "log.jsonl", [{**row, "label": 1, "rater": "bob", "decision": 0} for row in ROWS])
    parts = {part.kind: part for part in opened(path).parts}

    assert list(parts) == ["predictions", "feedback", "decisions"]
    assert len({part.path for part in parts.values()}) == 1
    assert available(parts["feedback"]) == {"request_id", "label"}
    assert "features.label" not in parts["predictions"].columns


def test_a_column_that_is_first_seen_after_the_sample_is_read(tmp_path):
    rows = [{"request_id": f"r{i}", "prediction": 1, "text": "x" * 200} for i in range(1_000)]
    rows[-1] = {**rows[-1], "error": "timeout", "extra": 5}
    (part,) = opened(jsonl(tmp_path / "log.jsonl", rows)).parts

    assert column(part, "error")[-2:] == [None, "timeout"]
    assert column(part, "features.extra")[-1] == 5


def test_a_column_that_changes_type_between_files_is_read_as_each_has_it(tmp_path):
    jsonl(tmp_path / "a.jsonl", ROWS)
    jsonl(tmp_path / "b.jsonl", [{**row, "x": "high"} for row in ROWS])
    parts = opened(tmp_path).parts

    assert [column(part, "features.x") for part in parts] == [[0, 1, 2], ["high"] * 3]


def test_times_of_mixed_zones_in_one_column_are_the_right_times(tmp_path):
    texts = ["2026-01-01T10:00:00Z", "2026-01-02T12:00:00+02:00", "2026-01-03T10:00:00"]
    path = jsonl(
        tmp_path / "log.jsonl", [{**row, "timestamp": t} for row, t in zip(ROWS, texts, strict=True)]
    )
    logs = opened(path, settings=Settings.model_validate({"project": {"timezone": "Europe/Berlin"}}))

    assert column(logs.parts[0], "timestamp") == [at(1), at(2), at(3, 9)]
    assert (logs.parts[0].start, logs.parts[0].end) == (at(1), at(3, 9))
    assert any("without a zone are read as Europe/Berlin" in note for note in logs.notes)


def test_values_that_are_no_numbers_in_a_column_of_numbers_are_counted(tmp_path):
    path = jsonl(
        tmp_path / "log.jsonl",
        [{**row, "latency_ms": t} for row, t in zip(ROWS, ("12", "15", "12ms"), strict=True)],
    )
    logs = opened(path, columns={"latency_ms": "latency_ms"})

    assert column(logs.parts[0], "latency_ms") == [12.0, 15.0, None]
    assert any("1 of 3 values of latency_ms are no number" in note for note in logs.notes)


def test_text_logs_are_written_once_and_again_when_torn_or_changed(tmp_path):
    path, cache = jsonl(tmp_path / "logs/log.jsonl"), tmp_path / "cache"
    first = opened(path, cache=cache).parts[0]
    written = Path(first.path).stat().st_mtime_ns

    assert opened(path, cache=cache).parts[0] == first
    assert Path(first.path).stat().st_mtime_ns == written
    assert not list(cache.glob("*.tmp*"))

    Path(first.path).write_bytes(Path(first.path).read_bytes()[:-20])
    assert column(opened(path, cache=cache).parts[0], "features.x") == [0, 1, 2]

    jsonl(path, [*ROWS, *ROWS])
    changed = opened(path, cache=cache).parts[0]
    assert (changed.rows, changed.path != first.path) == (6, True)


def test_bad_lines_are_named_from_the_cache_too(tmp_path):
    path, cache = jsonl(tmp_path / "log.jsonl"), tmp_path / "cache"
    path.write_text(path.read_text() + "oops\n")
    fresh, kept = (opened(path, cache=cache).parts[0] for _ in range(2))

    assert fresh.bad == kept.bad
    assert (kept.quarantined, kept.bad[0].source, kept.bad[0].line) == (1, str(path), 4)


def test_parts_of_other_maps_or_zones_have_other_fingerprints(tmp_path):
    path = jsonl(tmp_path / "log.jsonl")
    prints = {
        opened(path).parts[0].fingerprint,
        opened(path, columns={"prediction": "x"}).parts[0].fingerprint,
        opened(path, settings=Settings.model_validate({"project": {"timezone": "Asia/Tokyo"}}))
        .parts[0]
        .fingerprint,
    }

    assert len(prints) == 3


def test_progress_ends_with_all_bytes(tmp_path):
    seen = []
    files = discover([str(jsonl(tmp_path / "a.jsonl")), str(jsonl(tmp_path / "b.jsonl"))], Settings()).files
    open_logs(files, None, lambda done, total: seen.append((done, total)))

    total = sum(f.bytes for f in files)
    assert seen == [(files[0].bytes, total), (total, total)]


def test_standard_input_is_read(monkeypatch):
    text = "".join(json.dumps(row) + "\n" for row in ROWS)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    (part,) = opened("-").parts

    assert (part.rows, part.source.shown, part.source.format) == (3, "-", "jsonl")


def test_standard_input_may_be_of_another_format(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pl.DataFrame(ROWS).write_csv().encode())))
    (part,) = opened("-", stdin_format="csv").parts

    assert (part.rows, part.source.format) == (3, "csv")


def test_row_groups_tell_their_times(tmp_path):
    frame = pl.DataFrame(ROWS).with_columns(pl.col("timestamp").str.to_datetime(time_zone="UTC"))
    frame.write_parquet(tmp_path / "log.parquet", row_group_size=1)
    (part,) = opened(tmp_path / "log.parquet").parts
    day = 86_400_000_000

    assert [n for *_, n in part.times] == [1, 1, 1]
    assert [part.times[i][0] - part.times[0][0] for i in range(3)] == [0, day, 2 * day]


@pytest.mark.parametrize("unit", ["ms", "ns"])
def test_times_in_parquet_of_any_unit_and_zone_are_utc(tmp_path, unit):
    zoned = (
        pl.Series("timestamp", [at(1), at(3)])
        .cast(pl.Datetime(unit, "UTC"))
        .dt.convert_time_zone("America/New_York")
    )
    pl.DataFrame({"timestamp": zoned, "prediction": [1, 0]}).write_parquet(tmp_path / "log.parquet")
    (part,) = opened(tmp_path / "log.parquet").parts

    assert (part.start, part.end) == (at(1), at(3))


def test_numbers_since_1970_are_times_of_a_part(tmp_path):
    pl.DataFrame({"ts": [1767261600, 1767434400], "prediction": [1, 0]}).write_parquet(
        tmp_path / "log.parquet"
    )
    (part,) = opened(tmp_path / "log.parquet").parts

    assert (part.start, part.end) == (at(1), at(3))


def test_sub_folders_with_their_own_settings_are_models_of_their_own(tmp_path):
    jsonl(tmp_path / "delay/log.jsonl", [{**row, "late": 1} for row in ROWS])
    jsonl(tmp_path / "price/log.jsonl")
    (tmp_path / "delay/mlops.toml").write_text('[project]\ntimezone = "Europe/Berlin"\n')
    (tmp_path / "price/mlops.toml").write_text(
        '[sources.all]\npath = "*.jsonl"\ncolumns = { prediction = "x" }\n'
    )
    found = discover([str(tmp_path)], Settings())
    files = {f.model: f for f in found.files}

    assert set(files) == {"delay", "price"}
    assert files["delay"].timezone == "Europe/Berlin"
    assert files["price"].columns["prediction"] == "x"
    assert [Path(f.settings_path).parent.name for f in found.files] == [f.model for f in found.files]


def test_sources_of_the_settings_are_read_with_their_columns(tmp_path):
    jsonl(tmp_path / "logs/a.jsonl", [{"key": "r1", "late": 1, "x": 2}])
    jsonl(tmp_path / "logs/b.jsonl", [{"key": "r1", "truth": 1}])
    settings = Settings.model_validate(
        {
            "sources": {
                "predictions": {
                    "path": "logs/a*",
                    "kind": "predictions",
                    "columns": {"request_id": "key", "prediction": "late"},
                },
                "labels": {
                    "path": "logs/b.jsonl",
                    "kind": "feedback",
                    "columns": {"request_id": "key", "label": "truth"},
                },
            }
        }
    )
    for paths in ([], [str(tmp_path / "logs")]):
        found = discover(paths, settings, config_dir=str(tmp_path))

        assert [f.kind for f in found.files] == ["predictions", "feedback"]
        assert found.files[0].columns == {"request_id": "key", "prediction": "late", "features.x": "x"}
        assert found.files[1].columns == {"request_id": "key", "label": "truth"}


def test_a_glob_names_files_and_each_is_read_once(tmp_path):
    jsonl(tmp_path / "a/x.jsonl")
    jsonl(tmp_path / "b/y.jsonl")
    both = discover([f"{tmp_path}/**/*.jsonl", str(tmp_path / "a")], Settings())

    assert [Path(f.shown).name for f in both.files] == ["x.jsonl", "y.jsonl"]


def test_a_link_that_leads_back_is_followed_once(tmp_path):
    jsonl(tmp_path / "logs/x.jsonl")
    (tmp_path / "logs/again").symlink_to(tmp_path / "logs")
    (tmp_path / "logs/gone.jsonl").symlink_to(tmp_path / "nothing")
    found = discover([str(tmp_path / "logs")], Settings())

    assert len(found.files) == 1
    assert any("not read twice" in note for note in found.notes)
    assert any("a link to nothing" in note for note in found.notes)


def test_what_was_assumed_is_said_once_for_all_files_alike(tmp_path):
    for i in range(5):
        jsonl(tmp_path / f"{i}.jsonl", [{"id": "a", "y_pred": 1, "x": i}])
    notes = discover([str(tmp_path)], Settings()).notes

    assert len(notes) == 1
    assert "4 more like it" in notes[0]
    assert "y_pred is read as prediction" in notes[0]


def test_what_a_log_cannot_give_is_named(tmp_path):
    (file,) = discover([str(jsonl(tmp_path / "log.jsonl"))], Settings()).files

    assert set(file.unavailable) == {"score", "model_version", "latency_ms", "status", "user_id", "label"}


def test_a_column_that_no_file_has_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="'lable'") as caught:
        discover(
            [str(jsonl(tmp_path / "log.jsonl", [{**r, "label_": 1} for r in ROWS]))],
            Settings(),
            columns={"label": "lable"},
        )

    assert "label_" in caught.value.do


def test_files_of_no_known_column_are_not_taken_for_logs_of_a_folder(tmp_path):
    jsonl(tmp_path / "log.jsonl")
    (tmp_path / "package.json").write_text('{"colour": "red"}\n')
    found = discover([str(tmp_path)], Settings())

    assert [Path(p).name for p in found.unclaimed] == ["package.json"]
    assert len(discover([str(tmp_path / "package.json")], Settings()).files) == 1


def test_a_files_shown_name_is_the_users(tmp_path, monkeypatch):
    jsonl(tmp_path / "logs/log.jsonl")
    monkeypatch.chdir(tmp_path)
    (file,) = discover(["logs"], Settings()).files

    assert file.shown == str(Path("logs/log.jsonl"))
    assert replace(file).path == str((tmp_path / "logs/log.jsonl").resolve())


def test_nothing_named_and_nothing_configured_is_an_error():
    with pytest.raises(UsageError, match="no logs are named"):
        discover([], Settings())


def test_an_unknown_format_is_an_error(tmp_path):
    settings = Settings.model_validate(
        {"sources": {"a": {"path": str(jsonl(tmp_path / "x.jsonl")), "format": "jsnl"}}}
    )
    with pytest.raises(UsageError, match="jsnl"):
        discover([], settings)


def test_a_path_that_is_not_there_offers_its_neighbour(tmp_path):
    jsonl(tmp_path / "predictions.jsonl")
    with pytest.raises(DataError, match="no such file") as caught:
        discover([str(tmp_path / "prediction.jsonl")], Settings())

    assert "predictions.jsonl" in caught.value.do


def test_what_another_log_gives_is_not_missed(tmp_path):
    jsonl(tmp_path / "predictions.jsonl")
    jsonl(tmp_path / "labels.jsonl", [{"request_id": "r1", "label": 1}])
    jsonl(tmp_path / "access.jsonl", [{"request_id": "r1", "status": 200, "latency_ms": 3.5}])
    jsonl(tmp_path / "actions.jsonl", [{"request_id": "r1", "user_action": "redo"}])
    missing = {Path(f.shown).stem: f.unavailable for f in discover([str(tmp_path)], Settings()).files}

    assert missing == {
        "predictions": ("score", "model_version"),
        "labels": ("label_time",),
        "access": ("timestamp",),
        "actions": (),
    }


def test_a_baseline_need_not_have_the_columns_that_are_named_for_the_logs(tmp_path):
    path = jsonl(tmp_path / "train.jsonl", [{"x": 1, "label": 1}])

    assert discover([str(path)], Settings(), columns={"latency_ms": "took"}, strict=False).files
