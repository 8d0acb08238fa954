from itertools import zip_longest

from function import transpose


def test_agrees_with_zip():
    for height in range(4):
        for width in range(4):
            rows = [list(range(width + n % 2)) for n in range(height)]
            expected = [list(c) for c in zip_longest(*rows, fillvalue="-")]
            assert transpose(rows, "-") == expected
