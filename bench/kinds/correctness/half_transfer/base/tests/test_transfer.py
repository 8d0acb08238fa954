import pytest

from bank.transfer import Bank


def test_transfer():
    bank = Bank(ada=100, bob=0)
    bank.transfer("ada", "bob", 30)
    assert bank.balances == {"ada": 70, "bob": 30}
    with pytest.raises(ValueError):
        bank.transfer("bob", "ada", 31)
    with pytest.raises(KeyError):
        bank.transfer("ada", "eve", 1)
