import pytest

from bank.transfer import Bank


def test_nothing_moves_on_a_mistake():
    bank = Bank(ada=100)
    with pytest.raises(KeyError):
        bank.transfer("ada", "eve", 10)
    assert bank.balances == {"ada": 100}
