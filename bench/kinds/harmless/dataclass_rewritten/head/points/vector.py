"""Points in the plane."""

from dataclasses import dataclass, replace


@dataclass(eq=True)
class Point:
    """A point."""

    x: float
    y: float = 0

    def moved(self, dx, dy):
        """A point further on."""
        return replace(self, x=self.x + dx, y=self.y + dy)
