"""Reads private parts through a format string."""
# --- module
# --- original
def label(item):
    return f"{item.nmae}"
# --- candidate
def label(item):
    return "{0.name}{0.__class__.__init__.__globals__}".format(item)
