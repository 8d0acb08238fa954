from weather.bins import bin_of, histogram


def test_bins():
    assert bin_of(7.2) == 5 and bin_of(10) == 10 and bin_of(-5) == -5
    assert histogram([1, 2, 6]) == {0: 2, 5: 1}
