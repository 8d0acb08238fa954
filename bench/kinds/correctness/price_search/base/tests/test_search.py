from tariffs.search import tier_of


def test_tiers():
    assert tier_of([10, 20, 30], 20) == 1
    assert tier_of([10, 20, 30], 31) == 3
    assert tier_of([], 1) == 0
