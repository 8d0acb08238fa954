class BankAccount:
    """An account with an overdraft limit and a history of movements."""

    def __init__(self, owner, limit=0):
        self.owner = owner
        self.limit = limit
        self.balance = 0
        self.history = []

    def withdraw(self, amount):
        """Takes money out; raises ValueError when the limit would be passed."""
        if amount <= 0:
            raise ValueError("amount must be positive")
        if self.balance - amount < -self.limit:
            raise ValueError("insufficient funds")
        self.balance -= amount
        self.history.append(("withdraw", amount))
        return self.balance

    def deposit(self, amount):
        """Puts money in."""
        if amount <= 0:
            raise ValueError("amount must be positive")
        self.balance += amount
        self.history.append(("deposit", amount))
        return self.balance
