from outline.tree import node, size


def test_size():
    assert size(node("a")) == 1
    assert size(node("a", node("b", node("c")), node("d"))) == 4
