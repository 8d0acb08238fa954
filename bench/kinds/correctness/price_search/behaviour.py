from tariffs.search import tier_of


def test_all():
    limits = [10, 20, 30, 40, 50]
    expected = [sum(limit < amount for limit in limits) for amount in range(0, 60)]
    assert [tier_of(limits, amount) for amount in range(0, 60)] == expected
