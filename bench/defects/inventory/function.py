class OutOfStock(Exception):
    """Raised when there is not enough."""


class Inventory:
    """Stock by name with a reorder level."""

    def __init__(self, level):
        self.level = level
        self.stock = {}
        self.reserved = {}

    def receive(self, name, count):
        """Adds pieces."""
        self.stock[name] = self.stock.get(name, 0) + count

    def available(self, name):
        """Pieces that are not reserved."""
        return self.stock.get(name, 0) - self.reserved.get(name, 0)

    def reserve(self, name, count):
        """Sets pieces aside; raises OutOfStock when there are too few."""
        if self.available(name) < count:
            raise OutOfStock(name)
        self.reserved[name] = self.reserved.get(name, 0) + count
        return self.available(name)

    def low(self):
        """Names whose available pieces are at or below the level, sorted."""
        names = []
        for name in self.stock:
            if self.available(name) <= self.level:
                names.append(name)
        return sorted(names)
