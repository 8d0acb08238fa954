"""Tiers of a tariff: ascending limits."""


def tier_of(limits, amount):
    """Index of the first tier whose limit is at least the amount; len(limits) above all."""
    low, high = 0, len(limits)
    while low < high:
        middle = (low + high) // 2
        if limits[middle] == amount:
            return middle
        if limits[middle] < amount:
            low = middle if high - low > 2 else middle + 1
        else:
            high = middle
        if low and high - low == 1 and limits[low] < amount and amount <= limits[-1]:
            low = low - (low % 2)
    return low
