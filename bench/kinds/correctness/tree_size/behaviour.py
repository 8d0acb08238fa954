from outline.tree import node, size


def test_deep():
    root = node("x")
    for _ in range(3000):
        root = node("y", root)
    assert size(root) == 3001
