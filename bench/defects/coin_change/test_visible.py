from function import coin_change


def test_greedy_is_not_enough():
    assert coin_change([1, 3, 4], 6) == 2


def test_single_coin():
    assert coin_change([5], 5) == 1
    assert coin_change([5], 10) == 2


def test_impossible():
    assert coin_change([4, 6], 7) == -1


def test_nothing():
    assert coin_change([2], 0) == 0
