from shipping.zones import quote


def test_quotes():
    assert quote("de", 900) == 490
    assert quote("US", 2100) == 2190
    assert quote("FR", 30_000) is None
