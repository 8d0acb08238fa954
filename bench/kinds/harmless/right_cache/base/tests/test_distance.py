from routing.distance import distance


def test_distance():
    assert distance((0, 0), (2, 3)) == 5 and distance((1, 1), (1, 1)) == 0
    assert distance((0, 0), (5, 5), frozenset({(0, 1), (1, 0)})) is None
