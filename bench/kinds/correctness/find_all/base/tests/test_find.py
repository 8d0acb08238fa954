from textsearch.find import find_all


def test_find():
    assert find_all("abcabc", "bc") == [1, 4]
    assert find_all("aaa", "aa") == [0] and find_all("abc", "x") == []
