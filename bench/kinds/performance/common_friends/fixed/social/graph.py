"""Who knows whom."""


class Graph:
    """Friendships, in the order in which they were made."""

    def __init__(self):
        self.friends = {}

    def connect(self, one, other):
        self.friends.setdefault(one, []).append(other)
        self.friends.setdefault(other, []).append(one)

    def common_friends(self, one, other):
        """Friends of both, in the first one's order."""
        theirs = set(self.friends.get(other, []))
        return [friend for friend in self.friends.get(one, []) if friend in theirs]

    def degree(self, person):
        return len(self.friends.get(person, ()))
