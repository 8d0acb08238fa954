from finance.changes import percent_changes


def test_changes():
    assert percent_changes([100, 110, 99]) == [10.0, -10.0]
    assert percent_changes([5]) == [] and percent_changes([]) == []
