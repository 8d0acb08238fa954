import random

from function import moving_average


def test_agrees_with_slices():
    source = random.Random(18)
    for _ in range(200):
        values = [source.randrange(-20, 20) for _ in range(source.randrange(10))]
        for window in range(1, 6):
            expected = [sum(values[i : i + window]) / window for i in range(len(values) - window + 1)]
            assert moving_average(values, window) == expected
