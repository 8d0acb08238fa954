"""Summaries of measured times."""


def summary(values):
    """Smallest, largest, mean and the 95th percentile; zeros without values."""
    v = sorted(values)
    if not v:
        return {"min": 0, "max": 0, "mean": 0, "p95": 0}
    n = len(v)
    i = min(n - 1, int(0.95 * n))
    return {"min": v[0], "max": v[-1], "mean": sum(v) / n, "p95": v[i]}
