from tax.rounding import vat


def test_half():
    assert vat(50, 1) == 1 and vat(250, 1) == 3 and vat(-50, 1) == -1
