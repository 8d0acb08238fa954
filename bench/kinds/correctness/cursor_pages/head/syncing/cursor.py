"""Pulling records from a service that hands out cursors."""


def pull_all(fetch):
    """All records. `fetch(cursor)` gives (records, next cursor); a service at its end repeats its last cursor."""
    records, cursor = [], None
    while True:
        page, cursor = fetch(cursor)
        records.extend(page)
        if cursor is None:
            return records
