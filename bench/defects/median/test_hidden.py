import random
import statistics

from function import median


def test_agrees_with_the_library():
    source = random.Random(17)
    for _ in range(300):
        values = [source.randrange(-9, 9) for _ in range(source.randrange(1, 9))]
        kept = list(values)
        assert median(values) == statistics.median(values)
        assert values == kept
