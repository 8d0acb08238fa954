"""Menus of a site."""


def build(spec):
    """Entries of a nested list of titles."""
    return [_entry(item[0], build(item[1:])) if isinstance(item, list) else _entry(item, []) for item in spec]


def _entry(title, children):
    return {"title": title, "slug": _slug(title), "children": children}


def _slug(title):
    return "-".join(title.lower().split())
