from sheets.columns import columns


def test_more():
    assert columns([[], ["a", "b"]]) == [["", "a"], ["", "b"]]
    assert columns([["x"]], None) == [["x"]]
    assert columns([[], []]) == []
