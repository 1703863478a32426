"""The folder of converted text stays small while a log grows."""

import json

from mlops_cli.config.settings import Settings
from mlops_cli.logs.discover import discover
from mlops_cli.logs.open import open_logs
from mlops_cli.logs.text_cache import STATES


def opened(path, cache):
    return open_logs(discover((str(path),), Settings()).files, cache)


def line(i):
    return (
        json.dumps({"timestamp": f"2026-10-01T00:00:{i:02d}Z", "prediction": i, "request_id": f"r{i}"}) + "\n"
    )


def test_only_the_last_states_of_a_growing_file_are_kept(tmp_path):
    path, cache = tmp_path / "a.jsonl", tmp_path / "cache"
    (tmp_path / "b.jsonl").write_text(line(0))
    still = opened(tmp_path / "b.jsonl", cache)
    for i in range(10):
        with path.open("a") as out:
            out.write(line(i))
        assert opened(path, cache).parts[0].rows == i + 1

    assert len(list(cache.glob("*.json"))) == STATES + 1
    assert len(list(cache.glob("*.parquet"))) == STATES + 1
    assert opened(tmp_path / "b.jsonl", cache).parts[0].path == still.parts[0].path


def test_an_older_state_is_converted_again_when_it_comes_back(tmp_path):
    path, cache = tmp_path / "a.jsonl", tmp_path / "cache"
    for n in (1, 2, 3, 4, 5, 1):
        path.write_text("".join(map(line, range(n))))

        assert opened(path, cache).parts[0].rows == n


def test_a_damaged_list_of_states_costs_nothing_but_room(tmp_path):
    path, cache = tmp_path / "a.jsonl", tmp_path / "cache"
    path.write_text(line(0))
    opened(path, cache)
    next(cache.glob("*.states")).write_bytes(b"\xff ../../x *")
    path.write_text(line(0) + line(1))

    assert opened(path, cache).parts[0].rows == 2
