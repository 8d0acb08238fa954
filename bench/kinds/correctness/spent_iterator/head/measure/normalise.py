"""Readings scaled to between 0 and 1."""


def normalise(values):
    """Each value's place between the smallest and the largest; 0 where all are equal."""
    low = min(values, default=0)
    span = max(values, default=0) - low
    return [(value - low) / span if span else 0.0 for value in values]
