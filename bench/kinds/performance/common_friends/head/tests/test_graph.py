from social.graph import Graph


def small():
    graph = Graph()
    for one, other in (("a", "b"), ("a", "c"), ("b", "c"), ("b", "d"), ("a", "d")):
        graph.connect(one, other)
    return graph


def test_degree():
    assert small().degree("a") == 3 and small().degree("x") == 0


def test_common():
    assert small().common_friends("a", "b") == ["c", "d"]
    assert small().common_friends("a", "x") == []
