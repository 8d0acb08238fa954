import itertools

from function import compare_versions


def test_agrees_with_tuples():
    versions = [v for n in (1, 2, 3) for v in itertools.product((0, 1, 10), repeat=n)]
    for a in versions:
        for b in versions:
            x, y = a + (0,) * (3 - len(a)), b + (0,) * (3 - len(b))
            expected = (x > y) - (x < y)
            assert compare_versions(".".join(map(str, a)), ".".join(map(str, b))) == expected
