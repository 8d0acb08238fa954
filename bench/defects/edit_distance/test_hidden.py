import itertools
from functools import lru_cache

from function import edit_distance


@lru_cache(None)
def slow(a, b):
    if not a or not b:
        return len(a) + len(b)
    return min(slow(a[1:], b) + 1, slow(a, b[1:]) + 1, slow(a[1:], b[1:]) + (a[0] != b[0]))


def test_agrees_with_recursion():
    words = ["".join(p) for n in range(4) for p in itertools.product("ab", repeat=n)] + ["abcab", "cabba"]
    for a in words:
        for b in words:
            assert edit_distance(a, b) == slow(a, b) == edit_distance(b, a)
