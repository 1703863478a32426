from mlops_cli.render.spark import ASCII, spark


def bars(values, bounds=(), width=30, glyphs="01234567"):
    return spark(values, [None] * len(values), bounds, width, glyphs).bars


def test_the_lowest_and_the_highest_are_the_ends_of_the_scale():
    assert bars([0.0, 7.0, 3.0]) == "073"


def test_the_line_belongs_to_the_scale_so_that_a_calm_series_looks_calm():
    assert bars([1.0, 1.1, 0.9], bounds=(1.0, 8.0)) == "000"


def test_a_window_without_a_value_is_a_gap():
    assert bars([0.0, None, 7.0]) == "0 7"


def test_a_constant_series_lies_at_the_bottom():
    assert bars([5.0, 5.0]) == "00"


def test_nothing_known_is_nothing_drawn():
    assert bars([None, None]) == ""
    assert bars([]) == ""


def test_where_windows_share_a_column_the_unusual_one_is_seen():
    values = [1.0] * 100
    values[57] = 9.0

    assert bars(values, width=10) == "0000070000"


def test_levels_go_with_their_bars():
    drawn = spark([0.0, 9.0], [None, "alarm"], (), 30)

    assert drawn.levels == ("", "alarm")


def test_ascii_bars_have_as_many_steps():
    assert len(ASCII) == 8
    assert ASCII.isascii()
