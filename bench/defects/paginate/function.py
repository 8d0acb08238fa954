def paginate(items, page, size):
    """Items of one page (pages count from 1), with the number of pages."""
    if size < 1:
        raise ValueError("size must be positive")
    pages = (len(items) + size - 1) // size
    if page < 1 or page > pages:
        return [], pages
    start = (page - 1) * size
    return items[start:start + size], pages
