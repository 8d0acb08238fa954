from function import top_k


def test_largest_first():
    assert top_k([3, 1, 4, 1, 5], 2) == [5, 4]


def test_key():
    assert top_k(["aa", "b", "cccc"], 2, len) == ["cccc", "aa"]


def test_equal_items_keep_their_order():
    assert top_k(["ab", "cd", "ef"], 2, len) == ["ab", "cd"]


def test_fewer_items():
    assert top_k([2, 1], 5) == [2, 1]


def test_none_wanted():
    assert top_k([1, 2], 0) == []
