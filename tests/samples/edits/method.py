from dataclasses import dataclass


class Basket:
    """A basket."""

    size: int = 0

    def __init__(self, owner, limit=5):
        self.owner = owner
        self.limit = limit
        self._items = {}

    @property
    def total(self):
        result = 0
        for name, (price, count) in self._items.items():
            result += price * count
        return result

    def add(self, name, price, count=1):
        if count > self.limit:
            raise ValueError("too many")
        known = self._items.get(name, (price, 0))
        self._items[name] = (price, known[1] + count)
        return self

    def cheapest(self, start=0):
        names = sorted(self._items, key=lambda n: self._items[n][0])
        try:
            return names[start]
        except IndexError:
            return None
