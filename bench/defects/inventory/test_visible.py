import pytest
from function import Inventory, OutOfStock


def make():
    inventory = Inventory(2)
    inventory.receive("bolt", 10)
    inventory.receive("nut", 3)
    return inventory


def test_reserve():
    inventory = make()
    assert inventory.reserve("bolt", 4) == 6
    assert inventory.reserve("bolt", 1) == 5


def test_everything_can_be_reserved():
    assert make().reserve("nut", 3) == 0


def test_reserved_pieces_are_gone():
    inventory = make()
    inventory.reserve("nut", 2)
    with pytest.raises(OutOfStock):
        inventory.reserve("nut", 2)


def test_unknown_name():
    with pytest.raises(OutOfStock):
        make().reserve("gear", 1)


def test_low():
    inventory = make()
    assert inventory.low() == []
    inventory.reserve("nut", 1)
    inventory.reserve("bolt", 9)
    assert inventory.low() == ["bolt", "nut"]
