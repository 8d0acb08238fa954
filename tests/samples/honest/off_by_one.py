"""Slices and ranges."""
# --- module
# --- original
def windows(items, size):
    return [items[i:i + size] for i in range(len(items) - size)]
# --- candidate
def windows(items, size):
    return [items[i:i + size] for i in range(len(items) - size + 1)]
