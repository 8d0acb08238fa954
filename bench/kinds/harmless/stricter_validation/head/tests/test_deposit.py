import pytest

from wallet.deposit import deposit, withdraw


def test_wallet():
    assert deposit(10, 5) == 15 and withdraw(10, 5) == 5
    with pytest.raises(TypeError):
        deposit(1, 1.5)


def test_mistakes():
    with pytest.raises(ValueError):
        deposit(10, -1)
    with pytest.raises(ValueError):
        withdraw(1, 2)
