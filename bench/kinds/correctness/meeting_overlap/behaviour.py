from calendar_app.overlap import conflicts


def test_touching():
    assert conflicts([("a", 9, 10), ("b", 10, 11)]) == []
