from stock.report import Stock


def test_ties():
    assert Stock([("b", 1, 1), ("a", 1, 1)]).shares() == [("a", 0.5), ("b", 0.5)]
    assert Stock(iter([("x", 2, 3)])).shares() == [("x", 1.0)]
