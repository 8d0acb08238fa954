from textsearch.find import find_all


def test_nothing():
    assert find_all("abc", "") == [] and find_all("", "") == []
