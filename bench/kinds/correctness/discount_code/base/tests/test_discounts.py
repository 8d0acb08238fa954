from checkout.discounts import price_after


def test_codes():
    assert price_after(1000) == 1000
    assert price_after(1000, "TEN") == 900 and price_after(1000, "HALF") == 500
    assert price_after(300, "MINUS500") == 0 and price_after(700, "MINUS500") == 200
