import random

from function import count_islands


def slow(grid):
    cells = {(y, x) for y, row in enumerate(grid) for x, v in enumerate(row) if v == 1}
    parent = {c: c for c in cells}

    def find(c):
        while parent[c] != c:
            c = parent[c]
        return c

    for y, x in cells:
        for other in ((y + 1, x), (y, x + 1)):
            if other in cells:
                parent[find((y, x))] = find(other)
    return len({find(c) for c in cells})


def test_agrees_with_union_find():
    source = random.Random(15)
    for _ in range(200):
        h, w = source.randrange(1, 6), source.randrange(1, 6)
        grid = [[int(source.random() < 0.5) for _ in range(w)] for _ in range(h)]
        assert count_islands(grid) == slow(grid)
