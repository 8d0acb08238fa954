"""Points in the plane."""


class Point:
    """A point."""

    def __init__(self, x, y=0):
        self.x = x
        self.y = y

    def __eq__(self, other):
        return isinstance(other, Point) and (self.x, self.y) == (other.x, other.y)

    def __repr__(self):
        return f"Point(x={self.x!r}, y={self.y!r})"

    def moved(self, dx, dy):
        """A point further on."""
        return Point(self.x + dx, self.y + dy)
