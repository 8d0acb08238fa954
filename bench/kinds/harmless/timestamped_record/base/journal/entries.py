"""Entries of a journal."""


def entry(text, tags=()):
    """A new entry."""
    return {"text": text.strip(), "tags": sorted(set(tags))}
