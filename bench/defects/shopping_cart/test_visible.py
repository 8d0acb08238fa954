from function import Cart


def test_total_of_pieces():
    cart = Cart()
    cart.add("pen", 120, 3)
    cart.add("ink", 450)
    assert cart.total() == 810


def test_adding_again_counts_up():
    cart = Cart()
    cart.add("pen", 120)
    cart.add("pen", 100, 2)
    assert cart.total() == 300


def test_discount_from_minimum_on():
    cart = Cart(discount=10, minimum=1000)
    cart.add("book", 1000)
    assert cart.total() == 900


def test_no_discount_below():
    cart = Cart(discount=10, minimum=1000)
    cart.add("book", 999)
    assert cart.total() == 999


def test_empty():
    assert Cart(discount=10).total() == 0
