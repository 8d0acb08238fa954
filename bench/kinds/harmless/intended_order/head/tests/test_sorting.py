from newsroom.sorting import latest


def test_latest():
    assert latest([("02", "b"), ("01", "a"), ("03", "c"), ("04", "d")]) == ["d", "c", "b"]
    assert latest([]) == []
