"""Polls."""

from collections import Counter


def winner(votes):
    """The option with the most votes; the first in the alphabet of equals."""
    counts = Counter(votes)
    most = max(counts.values())
    return min(option for option, count in counts.items() if count == most)
