import random

from function import quickselect


def test_agrees_with_sorting():
    source = random.Random(21)
    for _ in range(300):
        values = [source.randrange(8) for _ in range(source.randrange(1, 10))]
        for k in range(1, len(values) + 1):
            assert quickselect(values, k) == sorted(values)[k - 1]
