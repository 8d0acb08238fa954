"""An import that takes the place of a builtin in the whole module."""
# imports: from operator import truth as all
# --- module
# --- original
def valid(items):
    return any(item > 0 for item in items)
# --- candidate
def valid(items):
    return all(item > 0 for item in items)
