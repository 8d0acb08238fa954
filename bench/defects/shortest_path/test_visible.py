from function import shortest_path

GRAPH = {"a": ["b", "c"], "b": ["d"], "c": ["e"], "d": ["f"], "e": ["d", "g"], "g": ["f"]}


def test_direct():
    assert shortest_path(GRAPH, "a", "b") == ["a", "b"]


def test_shortest_is_taken():
    assert shortest_path({"a": ["b", "c"], "b": ["d"], "c": ["x"], "x": ["d"]}, "a", "d") == ["a", "b", "d"]


def test_start_is_goal():
    assert shortest_path(GRAPH, "a", "a") == ["a"]


def test_unreachable():
    assert shortest_path(GRAPH, "f", "a") is None


def test_cycle_ends():
    assert shortest_path({1: [2], 2: [3], 3: [2]}, 1, 9) is None
