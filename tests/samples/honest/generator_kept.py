"""The last chunk of a generator."""
# --- module
# --- original
def chunks(items, size):
    for start in range(0, len(items) - size, size):
        yield items[start:start + size]
# --- candidate
def chunks(items, size):
    if size < 1:
        raise ValueError("size must be positive")
    for start in range(0, len(items), size):
        yield items[start:start + size]
