from social.graph import Graph


def test_order_and_repeats():
    graph = Graph()
    graph.friends = {"a": [3, 1, 2, 3], "b": [2, 3]}
    assert graph.common_friends("a", "b") == [3, 2, 3]
    assert graph.friends["a"] == [3, 1, 2, 3]
