from orders.clean import without_repeats


def test_kept():
    orders = [{"number": n} for n in ("x", "y", "X", "", "", "y ")]
    assert [o["number"] for o in without_repeats(orders)] == ["x", "y", "", ""]
    assert without_repeats(iter(orders))[0] is orders[0]
