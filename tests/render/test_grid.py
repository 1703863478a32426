from rich.text import Text

from mlops_cli.render.grid import Column, grid, shortened


def rows(*lines):
    return [{k: Text(v) for k, v in line.items()} for line in lines]


COLUMNS = (Column("name", least=6), Column("value", right=True), Column("rare", drop=1))


def test_numbers_stand_at_the_right():
    body = rows({"name": "a", "value": "1"}, {"name": "bcd", "value": "1,000"})
    laid = grid(COLUMNS, body, 80)

    assert [laid.line(r).plain for r in body] == ["a        1", "bcd  1,000"]


def test_what_is_rarely_needed_goes_before_a_name_is_shortened_too_far():
    body = rows({"name": "a_long_name", "value": "1", "rare": "xxxxx"})
    laid = grid(COLUMNS, body, 14)

    assert laid.line(body[0]).plain == "a_long_name  1"
    assert laid.width("rare") == 0


def test_a_name_is_shortened_in_the_middle():
    assert shortened(Text("missing-rate  carrier in scorer, origin=JFK"), 20).plain == "missing-rate …in=JFK"


def test_wide_letters_take_two_cells():
    assert shortened(Text("航班号码"), 5).plain == "航班…"


def test_a_column_that_no_row_has_takes_no_room():
    body = rows({"name": "a", "value": "1"})

    assert grid(COLUMNS, body, 80).width("rare") == 0
