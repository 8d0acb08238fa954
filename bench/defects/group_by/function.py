def group_by(items, key, keep=None):
    """Items by their key, in order of appearance; only those that `keep` accepts."""
    groups = {}
    for item in items:
        if keep is not None and not keep(item):
            continue
        groups.setdefault(key(item), []).append(item)
    return groups
