import pytest

from wallet.deposit import deposit, withdraw


def test_wallet():
    assert deposit(10, 5) == 15 and withdraw(10, 5) == 5
    with pytest.raises(TypeError):
        deposit(1, 1.5)
