from crawler.walk import reachable, unreachable

LINKS = {"a": ["b", "c"], "b": ["d"], "c": ["d", "a"], "d": [], "x": ["a"]}


def test_order():
    assert reachable(LINKS, "a") == ["a", "b", "c", "d"]
    assert unreachable(LINKS, "a") == ["x"]
