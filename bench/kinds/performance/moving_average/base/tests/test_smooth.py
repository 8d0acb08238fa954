import pytest

from sensors.smooth import moving_average, spread


def test_average():
    assert moving_average([1, 2, 3, 6], 2) == [1.5, 2.5, 4.5]
    assert moving_average([1], 2) == []
    with pytest.raises(ValueError):
        moving_average([1], 0)


def test_spread():
    assert spread([3, 1]) == 2
