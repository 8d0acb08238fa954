from function import flatten


def test_flat_list():
    assert flatten([1, 2, 3]) == [1, 2, 3]


def test_nested():
    assert flatten([1, [2, [3, 4]], 5]) == [1, 2, 3, 4, 5]


def test_tuples():
    assert flatten((1, (2, 3), [4])) == [1, 2, 3, 4]


def test_leaf():
    assert flatten(7) == [7]


def test_empty_parts():
    assert flatten([[], [[]], ()]) == []
