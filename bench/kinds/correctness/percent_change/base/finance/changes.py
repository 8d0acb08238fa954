"""Changes from month to month."""


def percent_changes(values):
    """Change of each value to the one before, in percent; None after a zero."""
    changes = []
    previous = None
    for value in values:
        if previous is not None:
            changes.append(round(100 * (value - previous) / previous, 1) if previous else None)
        previous = value
    return changes
