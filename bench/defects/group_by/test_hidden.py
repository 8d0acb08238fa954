import random

from function import group_by


def test_partition():
    source = random.Random(14)
    for _ in range(100):
        items = [source.randrange(20) for _ in range(source.randrange(15))]
        groups = group_by(items, lambda n: n % 3, lambda n: n % 4 != 0)
        kept = [n for n in items if n % 4]
        assert list(groups) == list(dict.fromkeys(n % 3 for n in kept))
        assert all(groups[k] == [n for n in kept if n % 3 == k] for k in groups)
