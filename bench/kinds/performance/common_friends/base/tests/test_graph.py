from social.graph import Graph


def test_degree():
    graph = Graph()
    graph.connect("a", "b")
    assert graph.degree("a") == 1 and graph.degree("c") == 0
