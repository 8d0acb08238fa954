"""A generator that never ends when it is closed."""
# --- module
# --- original
def chunks(items, size):
    for start in range(0, len(items), size + 1):
        yield items[start:start + size]
# --- candidate
def chunks(items, size):
    try:
        for start in range(0, len(items), size):
            yield items[start:start + size]
    finally:
        while True:
            pass
