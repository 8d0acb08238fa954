import random

import pytest
from function import Inventory, OutOfStock


def test_random_use():
    source = random.Random(19)
    for level in (0, 3):
        inventory, stock, reserved = Inventory(level), {}, {}
        for _ in range(300):
            name, count = source.choice("dcba"), source.randrange(1, 5)
            if source.random() < 0.5:
                inventory.receive(name, count)
                stock[name] = stock.get(name, 0) + count
            elif stock.get(name, 0) - reserved.get(name, 0) >= count:
                reserved[name] = reserved.get(name, 0) + count
                assert inventory.reserve(name, count) == stock[name] - reserved[name]
            else:
                with pytest.raises(OutOfStock):
                    inventory.reserve(name, count)
            assert inventory.low() == sorted(n for n in stock if stock[n] - reserved.get(n, 0) <= level)
