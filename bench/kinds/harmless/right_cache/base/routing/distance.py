"""Distances on a grid with obstacles."""


def distance(start, goal, walls: frozenset = frozenset(), size=6):
    """Steps from one cell to another, or None."""
    seen, front, steps = {start}, [start], 0
    while front:
        if goal in front:
            return steps
        following = []
        for x, y in front:
            for cell in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
                if cell not in seen and cell not in walls and 0 <= min(cell) and max(cell) < size:
                    seen.add(cell)
                    following.append(cell)
        front, steps = following, steps + 1
    return None
