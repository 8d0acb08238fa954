"""Changes from month to month."""


def percent_changes(values):
    """Change of each value to the one before, in percent; None after a zero."""
    values = list(values)
    return [round(100 * (new - old) / old, 1) for old, new in zip(values, values[1:])]
