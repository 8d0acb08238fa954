from weather.bins import bin_of


def test_below_zero():
    assert bin_of(-0.1) == -5 and bin_of(-7) == -10
