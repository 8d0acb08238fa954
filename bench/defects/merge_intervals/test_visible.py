from function import merge_intervals


def test_disjoint_stay():
    assert merge_intervals([[1, 2], [4, 5]]) == [[1, 2], [4, 5]]


def test_overlapping_join():
    assert merge_intervals([[1, 4], [2, 6]]) == [[1, 6]]


def test_touching_join():
    assert merge_intervals([[1, 2], [2, 3]]) == [[1, 3]]


def test_contained():
    assert merge_intervals([[1, 10], [2, 3], [4, 5]]) == [[1, 10]]


def test_unsorted_input():
    assert merge_intervals([[5, 6], [1, 3], [2, 4]]) == [[1, 4], [5, 6]]
