import pytest

from stats.median import median


def test_median():
    assert median([3, 1, 2]) == 2 and median([4, 1, 3, 2]) == 2.5
    with pytest.raises(ValueError):
        median([])
