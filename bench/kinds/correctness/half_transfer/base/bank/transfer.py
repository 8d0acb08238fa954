"""Accounts and transfers."""


class Bank:
    """Balances by account, in cents."""

    def __init__(self, **balances):
        self.balances = balances

    def transfer(self, source, target, cents):
        """Moves money. Raises KeyError or ValueError, and nothing has moved then."""
        if cents <= 0 or self.balances[source] < cents:
            raise ValueError("not enough")
        if target not in self.balances:
            raise KeyError(target)
        self.balances[source] -= cents
        self.balances[target] += cents
