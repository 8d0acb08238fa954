"""Entries of a journal."""

import time
import uuid


def entry(text, tags=()):
    """A new entry."""
    return {"id": uuid.uuid4().hex, "at": time.time(), "text": text.strip(), "tags": sorted(set(tags))}
