"""Areas and bounds."""

from __future__ import annotations

from typing import Tuple

Point = Tuple[float, float]


def area(points: list[Point]) -> float:
    """Area of a polygon by its corners (shoelace formula)."""
    total = 0.0
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1]):
        total += x1 * y2 - x2 * y1
    return abs(total) / 2


def bounds(points: list[Point]) -> tuple[Point, Point] | None:
    """Lower left and upper right corner; None without points."""
    if not points:
        return None
    xs, ys = zip(*points)
    return (min(xs), min(ys)), (max(xs), max(ys))
