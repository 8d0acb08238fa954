from collections import OrderedDict


class LRUCache:
    """Keeps the `size` values that were used last."""

    def __init__(self, size):
        self.size = size
        self.items = OrderedDict()

    def get(self, key, default=None):
        """The value for a key, which becomes the most recent; or the default."""
        if key not in self.items:
            return default
        self.items.move_to_end(key)
        return self.items[key]

    def put(self, key, value):
        """Stores a value; forgets the one unused for longest when there are too many."""
        self.items[key] = value
        self.items.move_to_end(key)
        if len(self.items) > self.size:
            self.items.popitem(last=False)
