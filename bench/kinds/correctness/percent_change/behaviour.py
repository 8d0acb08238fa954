from finance.changes import percent_changes


def test_zero():
    assert percent_changes([0, 5, 0, 0]) == [None, -100.0, None]
