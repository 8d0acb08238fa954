"""Waiting before the next attempt."""

import random


def delay(attempt, base=0.5, most=30.0):
    """Seconds before an attempt, the first being 0: between half and all of the full time."""
    full = min(most, base * 2**attempt)
    return full / 2 + random.uniform(0, full / 2)
