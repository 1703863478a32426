"""The file of decisions: appended to, never lost, comments kept."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlops_cli.errors import UsageError
from mlops_cli.ledger.decisions import append, beside, read

AT = datetime(2026, 10, 3, 6, tzinfo=UTC)


def test_no_file_holds_no_decision(tmp_path: Path) -> None:
    found = read(beside(tmp_path))

    assert found.of("ramp") == ()
    assert found.digest == ""


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    path = beside(tmp_path)
    append(path, "ramp", {"share": 0.05, "since": AT, "treatment": "canary", "by": None})
    found = append(path, "ramp", {"share": 0.1, "since": AT, "treatment": "canary"})

    assert read(path) == found
    assert [dict(e) for e in found.of("ramp", treatment="canary")] == [
        {"share": 0.05, "since": AT, "treatment": "canary"},
        {"share": 0.1, "since": AT, "treatment": "canary"},
    ]
    assert found.of("ramp", treatment="green") == ()


def test_comments_and_other_kinds_stay_as_they_are(tmp_path: Path) -> None:
    path = beside(tmp_path)
    before = '# ours\n[[ack]]\nid = "drift/x" # seen by Ada\n'
    path.write_text(before)
    append(path, "look", {"digest": "sha256:1", "alpha": 0.05})

    assert path.read_text().startswith(before)
    assert len(read(path).of("ack")) == 1
    assert len(read(path).of("look")) == 1


def test_an_entry_between_others_goes_to_its_kind(tmp_path: Path) -> None:
    path = beside(tmp_path)
    for kind, entry in (("ack", {"id": "a"}), ("look", {"digest": "1"}), ("ack", {"id": "b"})):
        append(path, kind, entry)

    assert [e["id"] for e in read(path).of("ack")] == ["a", "b"]
    assert [e["digest"] for e in read(path).of("look")] == ["1"]


def test_writers_at_the_same_time_all_get_in(tmp_path: Path) -> None:
    path = beside(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: append(path, "ack", {"id": str(k)}), range(40)))

    assert sorted(int(e["id"]) for e in read(path).of("ack")) == list(range(40))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_digest_changes_with_a_decision_not_with_a_comment(tmp_path: Path) -> None:
    path = beside(tmp_path)
    first = append(path, "ack", {"id": "a"}).digest
    path.write_text("# said twice\n" + path.read_text())

    assert read(path).digest == first
    assert append(path, "ack", {"id": "a"}).digest != first


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[ramps]]\nshare = 1\n", "unknown kind of decision 'ramps'"),
        ("[[ramp]]\nshare = 1\n", "lacks since"),
        ("ramp = 1\n", "no array of tables"),
        ("[[ramp]\n", "no TOML"),
    ],
)
def test_a_broken_file_is_refused_and_never_written_over(tmp_path: Path, text: str, said: str) -> None:
    path = beside(tmp_path)
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read(path)
    with pytest.raises(UsageError, match=said):
        append(path, "ack", {"id": "a"})

    assert path.read_text() == text


def test_an_unknown_kind_or_an_entry_without_its_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown kind of decision 'rampe'"):
        append(beside(tmp_path), "rampe", {"share": 1})
    with pytest.raises(UsageError, match="lacks since"):
        append(beside(tmp_path), "ramp", {"share": 0.5})

    assert list(tmp_path.iterdir()) == []
