from function import group_by


def test_groups():
    assert group_by([1, 2, 3, 4], lambda n: n % 2) == {1: [1, 3], 0: [2, 4]}


def test_keep():
    assert group_by([1, 2, 3, 4], lambda n: n % 2, lambda n: n > 1) == {0: [2, 4], 1: [3]}


def test_texts():
    assert group_by(["aa", "b", "cc"], len) == {2: ["aa", "cc"], 1: ["b"]}


def test_empty():
    assert group_by([], len) == {}
