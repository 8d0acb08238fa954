from sensors.smooth import moving_average


def test_edges():
    assert moving_average([], 1) == [] and moving_average([4, 6], 2) == [5.0]
    assert moving_average([1, 2, 3], 1) == [1.0, 2.0, 3.0]
    values = [5, 1]
    moving_average(values, 1)
    assert values == [5, 1]
