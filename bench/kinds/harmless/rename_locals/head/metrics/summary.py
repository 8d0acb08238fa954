"""Summaries of measured times."""


def summary(values):
    """Smallest, largest, mean and the 95th percentile; zeros without values."""
    ordered = sorted(values)
    if not ordered:
        return {"min": 0, "max": 0, "mean": 0, "p95": 0}
    count = len(ordered)
    place = min(count - 1, int(0.95 * count))
    return {"min": ordered[0], "max": ordered[-1], "mean": sum(ordered) / count, "p95": ordered[place]}
