"""Tiers of a tariff: ascending limits."""


def tier_of(limits, amount):
    """Index of the first tier whose limit is at least the amount; len(limits) above all."""
    low, high = 0, len(limits) - 1
    while low <= high:
        middle = (low + high) // 2
        if limits[middle] == amount:
            return middle
        if limits[middle] < amount:
            low = middle + 1
        else:
            high = middle
    return low
