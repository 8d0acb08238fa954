def quickselect(values, k):
    """The k-th smallest value, k counts from 1."""
    if not 1 <= k <= len(values):
        raise IndexError("k out of range")
    pivot = values[len(values) // 2]
    smaller = [v for v in values if v < pivot]
    equal = [v for v in values if v == pivot]
    larger = [v for v in values if v > pivot]
    if k <= len(smaller):
        return quickselect(smaller, k)
    if k <= len(smaller) + len(equal):
        return pivot
    return quickselect(larger, k - len(smaller) - len(equal))
