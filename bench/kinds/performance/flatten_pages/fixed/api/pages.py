"""Answers of an interface that come in pages."""


def page_count(total, size):
    return -(-total // size)


def all_items(fetch, limit=None):
    """The items of all pages; `fetch(number)` gives one, an empty one after the last."""
    items = []
    number = 0
    while limit is None or len(items) < limit:
        page = fetch(number)
        if not page:
            break
        items += [dict(item) for item in page]
        number += 1
    return items if limit is None else items[:limit]
