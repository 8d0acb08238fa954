"""Money in a wallet."""


def deposit(balance, cents):
    """The new balance."""
    if not isinstance(cents, int):
        raise TypeError("whole cents, please")
    return balance + cents


def withdraw(balance, cents):
    return deposit(balance, -cents)
