"""Smoothing readings, which are whole numbers."""


def moving_average(values, width):
    """Averages of each `width` neighbours, from left to right."""
    if width <= 0:
        raise ValueError("width must be positive")
    return [sum(values[i : i + width]) / width for i in range(len(values) - width + 1)]


def spread(values):
    return max(values) - min(values) if values else 0
