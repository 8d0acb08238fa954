import pytest
from function import moving_average


def test_means():
    assert moving_average([1, 2, 3, 4], 2) == [1.5, 2.5, 3.5]


def test_window_of_one():
    assert moving_average([5, 7], 1) == [5, 7]


def test_whole():
    assert moving_average([1, 2, 6], 3) == [3]


def test_window_too_wide():
    assert moving_average([1, 2], 3) == []


def test_bad_window():
    with pytest.raises(ValueError):
        moving_average([1], 0)
