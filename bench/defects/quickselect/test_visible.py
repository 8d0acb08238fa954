import pytest
from function import quickselect


def test_smallest_and_largest():
    assert quickselect([5, 1, 4], 1) == 1
    assert quickselect([5, 1, 4], 3) == 5


def test_middle():
    assert quickselect([9, 3, 7, 1, 5], 3) == 5
    assert quickselect([1, 2, 3, 4, 5, 6], 5) == 5


def test_repeated():
    assert quickselect([2, 2, 2, 1], 2) == 2
    assert quickselect([2, 2, 3], 2) == 2


def test_out_of_range():
    with pytest.raises(IndexError):
        quickselect([1, 2], 0)
    with pytest.raises(IndexError):
        quickselect([1, 2], 3)
