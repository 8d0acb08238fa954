"""Importing rows of a file."""

import logging

logger = logging.getLogger(__name__)


def import_rows(rows, save):
    """Saves rows with an id; (saved, skipped)."""
    saved = skipped = 0
    for number, row in enumerate(rows, 1):
        if not row.get("id"):
            logger.warning("row %d has no id", number)
            skipped += 1
            continue
        save(row)
        saved += 1
    logger.info("%d rows saved, %d skipped", saved, skipped)
    return saved, skipped
