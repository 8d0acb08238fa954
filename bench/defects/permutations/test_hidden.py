import itertools

from function import permutations


def test_agrees_with_the_library():
    for size in range(6):
        items = list(range(size))
        assert permutations(items) == [list(p) for p in itertools.permutations(items)]
