import random

from function import tree_depth


def build(source, depth):
    if depth == 0:
        return None
    children = [build(source, depth - 1)] + [build(source, source.randrange(depth)) for _ in range(source.randrange(3))]
    source.shuffle(children)
    return (depth, children)


def test_known_depth():
    source = random.Random(22)
    for depth in range(7):
        for _ in range(10):
            assert tree_depth(build(source, depth)) == depth
