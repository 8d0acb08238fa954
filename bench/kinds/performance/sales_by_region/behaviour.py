from sales.regions import by_region


def test_order_and_negative():
    table = by_region([{"region": "z", "cents": -5}, {"region": "a", "cents": 0}])
    assert list(table) == ["a", "z"] and table["z"] == {"count": 1, "sum": -5, "largest": -5}
