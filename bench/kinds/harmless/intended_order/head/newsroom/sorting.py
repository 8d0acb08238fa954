"""News in order."""


def latest(items, count=3):
    """The items of a page: (day, title), the newest first."""
    ordered = sorted(items, reverse=True)
    return [title for _, title in ordered[:count]]
