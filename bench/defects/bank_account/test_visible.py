import pytest
from function import BankAccount


def test_deposit_and_withdraw():
    account = BankAccount("ann")
    assert account.deposit(100) == 100
    assert account.withdraw(30) == 70


def test_everything_may_be_taken():
    account = BankAccount("ann")
    account.deposit(50)
    assert account.withdraw(50) == 0


def test_no_overdraft_by_default():
    account = BankAccount("ann")
    account.deposit(10)
    with pytest.raises(ValueError):
        account.withdraw(11)
    assert account.balance == 10


def test_overdraft_limit():
    account = BankAccount("ann", limit=20)
    assert account.withdraw(15) == -15
    with pytest.raises(ValueError):
        account.withdraw(6)


def test_history():
    account = BankAccount("ann")
    account.deposit(5)
    account.withdraw(2)
    assert account.history == [("deposit", 5), ("withdraw", 2)]
