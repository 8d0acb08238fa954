class Cart:
    """Items with prices in cents; a discount in per cent from a minimum on."""

    def __init__(self, discount=0, minimum=0):
        self.discount = discount
        self.minimum = minimum
        self.lines = {}

    def add(self, name, price, count=1):
        """Puts `count` pieces in; the latest price holds."""
        known = self.lines.get(name, (price, 0))
        self.lines[name] = (price, known[1] + count)

    def total(self):
        """Sum in cents after the discount, rounded down."""
        total = 0
        for price, count in self.lines.values():
            total += price * count
        if total >= self.minimum:
            total -= total * self.discount // 100
        return total
