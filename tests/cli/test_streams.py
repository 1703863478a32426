"""What a stream that cannot say it all says instead."""

import pytest

from mlops_cli.cli.say import write
from mlops_cli.cli.streams import prepare


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        ("drift ≥ 0.1 – ▁▄█ …", "ascii", "drift >= 0.1 - _:# ..."),
        ("drift ≥ 0.1 – …", "cp1252", "drift >= 0.1 – …"),
        ("Zürich 東京", "ascii", "Z?rich ??"),
        ("Zürich 東京", "utf-8", "Zürich 東京"),
    ],
)
def test_what_cannot_be_encoded_becomes_ascii(text, encoding, said):
    prepare()

    assert text.encode(encoding, "mlops").decode(encoding) == said


def test_a_link_stays_and_the_file_behind_it_is_written(tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    write(tmp_path / "link.json", lambda out: out.write("new"))

    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "new"
