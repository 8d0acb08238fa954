"""Who knows whom."""


class Graph:
    """Friendships, in the order in which they were made."""

    def __init__(self):
        self.friends = {}

    def connect(self, one, other):
        self.friends.setdefault(one, []).append(other)
        self.friends.setdefault(other, []).append(one)

    def degree(self, person):
        return len(self.friends.get(person, ()))
