"""Counting by Counter, with an import from."""
# imports: from collections import Counter
# --- module
# --- original
def most_common(items):
    return max(items, key=items.count)
# --- candidate
def most_common(items):
    if not items:
        raise ValueError("no items")
    return Counter(items).most_common(1)[0][0]
