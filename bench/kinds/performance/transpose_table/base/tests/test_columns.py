from sheets.columns import columns, width


def test_columns():
    assert columns([[1, 2], [3]], 0) == [[1, 3], [2, 0]]
    assert columns([]) == [] and width([[], [1]]) == 1
