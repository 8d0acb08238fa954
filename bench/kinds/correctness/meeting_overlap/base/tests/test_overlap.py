from calendar_app.overlap import conflicts


def test_conflicts():
    assert conflicts([("a", 9, 11), ("b", 10, 12), ("c", 13, 14)]) == [("a", "b")]
    assert conflicts([]) == []
