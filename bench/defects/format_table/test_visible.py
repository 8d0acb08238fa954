from function import format_table


def test_aligned():
    assert format_table([["a", 1], ["long", 22]]) == "a      1\nlong  22"


def test_no_space_at_the_end():
    assert format_table([["x", "yy"], ["x", "y"]]) == "x  yy\nx  y"


def test_gap():
    assert format_table([["a", "b"]], 1) == "a b"


def test_short_first():
    assert format_table([["name", "n"], ["x", 2.5]]) == "name  n\nx     2.5"


def test_empty():
    assert format_table([]) == ""
