"""Pulling records from a service that hands out cursors."""


def pull_all(fetch):
    """All records. `fetch(cursor)` gives (records, next cursor); a service at its end repeats its last cursor."""
    records, cursor = [], None
    while True:
        page, following = fetch(cursor)
        records.extend(page)
        if following is None or following == cursor:
            return records
        cursor = following
