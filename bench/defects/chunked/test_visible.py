from function import chunked


def test_even():
    assert list(chunked([1, 2, 3, 4], 2)) == [[1, 2], [3, 4]]


def test_remainder():
    assert list(chunked([1, 2, 3], 2)) == [[1, 2], [3]]


def test_any_iterable():
    assert list(chunked(iter("abcd"), 3)) == [["a", "b", "c"], ["d"]]


def test_empty():
    assert list(chunked([], 3)) == []
