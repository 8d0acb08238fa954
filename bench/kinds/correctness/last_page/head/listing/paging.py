"""Pages of a list."""


def page_info(total, size, page):
    """First and last item (1-based) and number of pages; a page beyond the end becomes the last."""
    pages = max(1, total // size)
    page = min(max(1, page), pages)
    first = (page - 1) * size + 1 if total else 0
    return {"first": first, "last": min(page * size, total), "pages": pages}
