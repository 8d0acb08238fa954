def flatten(value):
    """All leaves of nested lists and tuples, in order."""
    if not isinstance(value, (list, tuple)):
        return [value]
    leaves = []
    for part in value:
        leaves.extend(flatten(part))
    return leaves
