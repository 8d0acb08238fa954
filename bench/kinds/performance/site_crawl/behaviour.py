from crawler.walk import reachable


def test_cycles_and_missing():
    assert reachable({}, "a") == ["a"]
    assert reachable({1: [1, 2, 2], 2: [1]}, 1) == [1, 2]
