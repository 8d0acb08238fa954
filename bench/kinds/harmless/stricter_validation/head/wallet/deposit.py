"""Money in a wallet."""


def deposit(balance, cents):
    """The new balance. Raises ValueError for negative amounts."""
    if not isinstance(cents, int):
        raise TypeError("whole cents, please")
    if cents < 0:
        raise ValueError("deposits are positive")
    return balance + cents


def withdraw(balance, cents):
    """The new balance. Raises ValueError for more than there is."""
    if not isinstance(cents, int):
        raise TypeError("whole cents, please")
    if cents > balance:
        raise ValueError("not enough money")
    return balance - cents
