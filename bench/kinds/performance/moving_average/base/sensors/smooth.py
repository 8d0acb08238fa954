"""Smoothing readings, which are whole numbers."""


def moving_average(values, width):
    """Averages of each `width` neighbours, from left to right."""
    if width <= 0:
        raise ValueError("width must be positive")
    if len(values) < width:
        return []
    total = sum(values[:width])
    averages = [total / width]
    for left, right in zip(values, values[width:]):
        total += right - left
        averages.append(total / width)
    return averages


def spread(values):
    return max(values) - min(values) if values else 0
