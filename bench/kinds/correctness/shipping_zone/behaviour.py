from shipping.zones import quote


def test_elsewhere():
    assert quote("BR", 100) is None and quote("", 100) is None
