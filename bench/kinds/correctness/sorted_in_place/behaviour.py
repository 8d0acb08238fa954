from stats.median import median


def test_argument_stays():
    values = [3, 1, 2]
    median(values)
    assert values == [3, 1, 2]
