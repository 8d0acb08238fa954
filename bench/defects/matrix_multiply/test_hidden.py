import random

import pytest
from function import matrix_multiply


def test_agrees_with_sums():
    source = random.Random(4)
    for _ in range(100):
        n, m, p = (source.randrange(1, 4) for _ in range(3))
        a = [[source.randrange(-5, 6) for _ in range(m)] for _ in range(n)]
        b = [[source.randrange(-5, 6) for _ in range(p)] for _ in range(m)]
        expected = [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]
        assert matrix_multiply(a, b) == expected
        with pytest.raises(ValueError):
            matrix_multiply(a, b + [[0] * p])
