"""Records that name no model are those of the one model that the predictions beside them name, or of none."""

import json

import polars as pl
import pytest

from mlops_cli.config.settings import Settings
from mlops_cli.logs.discover import discover
from mlops_cli.logs.one_model import of_one_model
from mlops_cli.logs.open import open_logs

REQUEST = '127.0.0.1 - - [23/Nov/2026:13:38:10 +0000] "POST /p HTTP/1.1" 200 49 "-" "x" rt=0.134\n'


def opened(folder, models):
    rows = [
        {"timestamp": f"2026-11-23T13:38:{i:02d}Z", "prediction": i % 2, "model": m}
        for i, m in enumerate(models)
    ]
    (folder / "p.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (folder / "access.log").write_text(REQUEST * 5)
    return open_logs(discover([str(folder)], Settings()).files, None)


def test_an_access_log_beside_one_model_is_its_own(tmp_path):
    logs = opened(tmp_path, ["late", None, "late"])
    named = of_one_model(logs)

    assert {p.kind: p.source.model for p in named.parts} == {"predictions": "", "requests": "late"}
    assert named.notes[-1].startswith("requests that name no model are taken as those of late")
    assert of_one_model(named) == named


@pytest.mark.parametrize("models", [["late", "early", "late"], [None, None, None], ["", "", ""]])
def test_beside_several_models_or_none_it_is_nobodys(tmp_path, models):
    logs = opened(tmp_path, models)

    assert of_one_model(logs) == logs


def test_an_access_log_alone_names_no_model(tmp_path):
    (tmp_path / "access.log").write_text(REQUEST * 5)
    logs = open_logs(discover([str(tmp_path)], Settings()).files, None)

    assert of_one_model(logs) == logs


def test_predictions_that_name_no_model_are_not_those_of_another_file(tmp_path):
    opened(tmp_path, ["late"] * 3)
    pl.DataFrame({"timestamp": ["2026-11-23T13:38:10Z"] * 9, "prediction": [1] * 9}).write_parquet(
        tmp_path / "q.parquet"
    )
    named = of_one_model(open_logs(discover([str(tmp_path)], Settings()).files, None))

    assert [p.source.model for p in named.of("predictions")] == ["", ""]
