import random

from function import top_k


def test_agrees_with_sorting():
    source = random.Random(12)
    for _ in range(200):
        items = [(source.randrange(4), n) for n in range(source.randrange(9))]
        for k in range(6):
            expected = sorted(items, key=lambda item: -item[0])[:k]
            assert top_k(items, k, lambda item: item[0]) == expected
