"""Waiting before the next attempt."""


def delay(attempt, base=0.5, most=30.0):
    """Seconds before an attempt, the first being 0."""
    return min(most, base * 2**attempt)
