from function import flatten


def build(depth):
    return [depth] if depth == 0 else [build(depth - 1), depth, (depth, [str(depth)])]


def test_text_is_a_leaf():
    assert flatten(["ab", ["cd"]]) == ["ab", "cd"]


def test_deep():
    for depth in range(8):
        leaves = flatten(build(depth))
        assert len(leaves) == 1 + 3 * depth
        assert not any(isinstance(leaf, (list, tuple)) for leaf in leaves)
