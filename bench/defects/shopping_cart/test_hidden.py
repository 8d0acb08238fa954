import random

from function import Cart


def test_random_carts():
    source = random.Random(5)
    for _ in range(200):
        discount, minimum = source.randrange(0, 60), source.randrange(0, 3000)
        cart, lines = Cart(discount, minimum), {}
        for _ in range(source.randrange(6)):
            name, price, count = source.choice("abc"), source.randrange(1, 900), source.randrange(1, 4)
            cart.add(name, price, count)
            lines[name] = (price, lines.get(name, (0, 0))[1] + count)
        plain = sum(price * count for price, count in lines.values())
        expected = plain - plain * discount // 100 if plain >= minimum else plain
        assert cart.total() == expected
