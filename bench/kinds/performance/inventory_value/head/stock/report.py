"""What a stock is worth."""


class Stock:
    """Articles with number and price."""

    def __init__(self, items):
        self.items = list(items)

    @property
    def value(self):
        return sum(count * cents for _, count, cents in self.items)

    def shares(self):
        """(name, share of the stock's value), largest first."""
        rows = [(name, count * cents / self.value) for name, count, cents in self.items if self.value]
        return sorted(rows, key=lambda row: (-row[1], row[0]))
