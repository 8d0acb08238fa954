from tax.rounding import gross, vat


def test_vat():
    assert vat(1000) == 190 and vat(101, 19) == 19
    assert gross(100, 7) == 107 and vat(-1000) == -190
