from till.coins import ways


def test_more():
    assert ways(-1) == 0 and ways(3, 0) == 0 and ways(0, 0) == 1
    assert ways(20) == 41 and ways(7, 2) == 4
