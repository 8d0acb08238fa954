from orders.clean import without_repeats


def test_first_of_each():
    orders = [{"number": "a1", "n": 1}, {"number": " A1 ", "n": 2}, {"number": "b"}, {"n": 3}, {"n": 4}]
    assert without_repeats(orders) == [orders[0], orders[2], orders[3], orders[4]]
    assert without_repeats([]) == []
