from walker.files import walk


def test_walk():
    assert list(walk({"b": 1, "a": {"x": 1, "c": {}}})) == ["a/x", "b"]
