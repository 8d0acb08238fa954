"""Polls."""

from collections import Counter


def winner(votes):
    """The option with the most votes; the first in the alphabet of equals; None without votes."""
    counts = Counter(votes)
    if not counts:
        return None
    most = max(counts.values())
    return min(option for option, count in counts.items() if count == most)
