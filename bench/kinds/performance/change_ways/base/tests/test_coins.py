from till.coins import hardest, ways


def test_ways():
    assert [ways(n) for n in (0, 1, 2, 5, 10)] == [1, 1, 2, 4, 11]
    assert hardest([3, 9, 4]) == 9
