from stock.report import Stock


def test_shares():
    assert Stock([("a", 1, 100), ("b", 3, 100)]).shares() == [("b", 0.75), ("a", 0.25)]
    assert Stock([]).shares() == [] and Stock([("a", 0, 5)]).shares() == []
