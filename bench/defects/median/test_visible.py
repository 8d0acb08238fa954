import pytest
from function import median


def test_odd():
    assert median([3, 1, 2]) == 2


def test_even():
    assert median([4, 1, 3, 2]) == 2.5


def test_one():
    assert median([7]) == 7


def test_argument_is_left_alone():
    values = [3, 1, 2]
    median(values)
    assert values == [3, 1, 2]


def test_empty():
    with pytest.raises(ValueError):
        median([])
