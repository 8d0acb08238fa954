from checkout.discounts import price_after


def test_unknown_codes():
    assert price_after(1000, "FREE") == 1000 and price_after(1000, "") == 1000
