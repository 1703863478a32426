"""What is kept of a file is what was counted of it, or nothing."""

import importlib.util
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from mlops_cli.errors import DataError, UsageError
from mlops_cli.logs.format import LogFile, Part
from mlops_cli.profile import cache as module
from mlops_cli.profile.cache import SUFFIX, TABLES, Cache, load_baseline, save_baseline
from mlops_cli.profile.plan import probe

_FILE = Path(__file__).parents[1] / "metrics" / "profiles.py"
_SPEC = importlib.util.spec_from_file_location("metric_profiles_of_cache", _FILE)
make = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(make)

SPEC = make.spec(
    make.field("x", mantissa=9, integral=True, quantum=2.0**-20, low_cell=-3, high_cell=9),
    make.field("c", "category"),
    make.field("u", "id"),
)
SPEC = replace(
    SPEC, segments=((("features.c",), (("a", "b"),)), (("features.c", "features.x"), (("a",), ("1",))))
)


def profile(seed=1):
    rng = random.Random(seed)
    rows = [
        make.row(h, {"x": rng.randrange(99), "c": rng.choice(["a", "ü", None]), "u": str(rng.random())[2:]})
        for h in range(3)
        for _ in range(20)
    ]
    return replace(make.profile(SPEC, rows), notes=("a note",))


def part(name="logs/day.parquet", fingerprint="sha256:1", **more):
    source = LogFile(f"/somewhere/{name}", name, "parquet", "predictions", 0, fingerprint)
    return Part(
        **{
            "path": source.path,
            "kind": "predictions",
            "columns": {"features.x": "x"},
            "fingerprint": fingerprint,
            "rows": 60,
            "start": None,
            "end": None,
            "source": source,
            **more,
        }
    )


def assert_same(one, other):
    assert (one.spec, one.mantissa, one.notes) == (other.spec, other.mantissa, other.notes)
    for name in TABLES:
        assert_frame_equal(getattr(one, name), getattr(other, name))


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "profiles")


def only_file(cache):
    (file,) = cache.folder.rglob(f"*{SUFFIX}")
    return file


def test_what_is_put_comes_back(cache):
    cache.put(part(), SPEC, False, profile())

    assert_same(profile(), cache.get(part(), SPEC))
    assert_same(profile(), Cache(cache.folder).get(part(), SPEC, False))


def test_without_a_folder_nothing_is_kept():
    cache = Cache(None)
    cache.put(part(), SPEC, False, profile())

    assert cache.get(part(), SPEC) is None


def test_nothing_is_kept_of_standard_input(cache):
    source = LogFile("/tmp/spool", "-", "jsonl", "predictions", 0, "sha256:1")
    cache.put(part(source=source), SPEC, False, profile())

    assert cache.get(part(source=source), SPEC) is None


@pytest.mark.parametrize(
    "other",
    [
        {"fingerprint": "sha256:2"},
        {"columns": {"features.x": "y"}},
        {"kind": "requests"},
        {"source": LogFile("/somewhere/logs/day.parquet", "day", "parquet", "", 0, "", model="m")},
        {
            "source": LogFile(
                "/somewhere/logs/day.parquet", "day", "parquet", "", 0, "", timezone="Asia/Tokyo"
            )
        },
        {"source": LogFile("/somewhere/logs/other.parquet", "other", "parquet", "", 0, "")},
    ],
)
def test_another_file_or_another_reading_of_it_is_counted_again(cache, other):
    cache.put(part(), SPEC, False, profile())

    assert cache.get(part(**other), SPEC) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(SPEC, probe="another hash"),
        replace(SPEC, kernel=SPEC.kernel + 1),
        replace(SPEC, window=replace(SPEC.window, seconds=60)),
        replace(SPEC, fields=SPEC.fields[:-1]),
    ],
)
def test_another_way_to_count_is_counted_again(cache, other):
    cache.put(part(), SPEC, False, profile())

    assert cache.get(part(), other) is None


def test_a_reference_is_not_taken_for_a_log(cache):
    cache.put(part(), SPEC, False, profile())

    assert cache.get(part(), SPEC, True) is None


def test_a_file_that_grew_replaces_what_was_counted_of_it(cache):
    cache.put(part(), SPEC, False, profile(1))
    cache.put(part(fingerprint="sha256:2"), SPEC, False, profile(2))

    assert_same(profile(2), cache.get(part(fingerprint="sha256:2"), SPEC))
    assert cache.get(part(), SPEC) is None
    assert only_file(cache)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_torn_file_is_counted_again(cache, share):
    cache.put(part(), SPEC, False, profile())
    data = only_file(cache).read_bytes()
    only_file(cache).write_bytes(data[: int(len(data) * share)])

    assert cache.get(part(), SPEC) is None
    cache.put(part(), SPEC, False, profile())
    assert_same(profile(), cache.get(part(), SPEC))


def test_a_file_with_one_wrong_byte_anywhere_is_counted_again(cache):
    cache.put(part(), SPEC, False, profile())
    data = only_file(cache).read_bytes()
    for at in range(0, len(data), 97):
        only_file(cache).write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        assert cache.get(part(), SPEC) is None


@pytest.mark.parametrize("data", [b"", b"PAR1", b"mlops profile 2\n", b"mlops profile 2\n\x02\0\0\0[]"])
def test_a_foreign_file_is_counted_again(cache, data):
    cache.put(part(), SPEC, False, profile())
    only_file(cache).write_bytes(data)

    assert cache.get(part(), SPEC) is None


def test_a_run_that_dies_while_writing_leaves_no_file_under_the_name(cache, monkeypatch):
    def dies(_handle):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", dies)
    cache.put(part(), SPEC, False, profile())

    assert list(cache.folder.rglob(f"*{SUFFIX}")) == []
    assert list(cache.folder.rglob("*.tmp")) == []


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path):
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file")
    cache.put(part(), SPEC, False, profile())

    assert cache.get(part(), SPEC) is None


def test_only_the_newest_ways_to_count_are_kept(tmp_path):
    for seconds in range(1, module.SPECS + 4):
        spec = replace(SPEC, window=replace(SPEC.window, seconds=seconds))
        Cache(tmp_path).put(part(), spec, False, profile())

    folders = list(tmp_path.iterdir())
    assert len(folders) == module.SPECS
    assert tmp_path / spec.digest in folders


def test_a_baseline_comes_back_with_its_spec_and_windows(tmp_path):
    spec = replace(SPEC, probe=probe())
    save_baseline(tmp_path / "new" / "base.profile", replace(profile(), spec=spec), 7)

    found, windows = load_baseline(tmp_path / "new" / "base.profile")

    assert_same(replace(profile(), spec=spec), found)
    assert found.spec.digest == spec.digest
    assert windows == 7


def test_hashes_of_a_baseline_of_another_polars_do_not_part_the_specs(tmp_path):
    save_baseline(tmp_path / "base", replace(profile(), spec=replace(SPEC, probe="of old")), 7)

    assert load_baseline(tmp_path / "base")[0].spec.probe == probe()


def test_another_file_is_no_baseline(tmp_path):
    (tmp_path / "train.csv").write_text("a,b\n1,2\n")

    assert load_baseline(tmp_path / "train.csv") is None


def test_a_damaged_baseline_is_said(tmp_path):
    save_baseline(tmp_path / "base", profile(), 7)
    data = (tmp_path / "base").read_bytes()
    (tmp_path / "base").write_bytes(data[:-9])

    with pytest.raises(DataError, match="damaged"):
        load_baseline(tmp_path / "base")


def test_a_baseline_of_another_kernel_is_refused(tmp_path):
    save_baseline(tmp_path / "base", replace(profile(), spec=replace(SPEC, kernel=SPEC.kernel + 1)), 7)

    with pytest.raises(UsageError, match="another version"):
        load_baseline(tmp_path / "base")


def test_a_baseline_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(DataError, match="cannot be written"):
        save_baseline(tmp_path / "file" / "base", profile(), 7)
