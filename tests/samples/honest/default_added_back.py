"""A parameter can be left out again."""
# --- module
# --- original
def page(items, size, start):
    return items[start:start + size]
# --- candidate
def page(items, size, start=0):
    return items[start:start + size]
