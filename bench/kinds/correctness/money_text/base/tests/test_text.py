from ledger.text import money


def test_money():
    assert money(123450) == "1.234,50 €" and money(5, "$") == "0,05 $" and money(-200) == "-2,00 €"
