from ledger.text import money


def test_negative():
    assert money(-123450) == "-1.234,50 €" and money(-5) == "-0,05 €"
