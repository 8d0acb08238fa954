"""Importing rows of a file."""


def import_rows(rows, save):
    """Saves rows with an id; (saved, skipped)."""
    saved = skipped = 0
    for row in rows:
        if not row.get("id"):
            skipped += 1
            continue
        save(row)
        saved += 1
    return saved, skipped
