"""News in order."""


def latest(items, count=3):
    """The items of a page: (day, title)."""
    ordered = sorted(items)
    return [title for _, title in ordered[:count]]
