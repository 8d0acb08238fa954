import random

import pytest
from function import BankAccount


def test_random_movements():
    source = random.Random(11)
    for limit in (0, 7, 30):
        account, balance, log = BankAccount("bob", limit), 0, []
        for _ in range(100):
            amount = source.randrange(1, 20)
            if source.random() < 0.5:
                balance += amount
                log.append(("deposit", amount))
                assert account.deposit(amount) == balance
            elif balance - amount >= -limit:
                balance -= amount
                log.append(("withdraw", amount))
                assert account.withdraw(amount) == balance
            else:
                with pytest.raises(ValueError):
                    account.withdraw(amount)
            assert account.balance == balance
        assert account.history == log


def test_bad_amounts():
    for amount in (0, -3):
        with pytest.raises(ValueError):
            BankAccount("bob", 5).withdraw(amount)
