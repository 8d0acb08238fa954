"""Getattr with the name written out."""
# --- module
# --- original
def label(item):
    return item.name or str(item)
# --- candidate
def label(item):
    return getattr(item, "name", None) or str(item)
