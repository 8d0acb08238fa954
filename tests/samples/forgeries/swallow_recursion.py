"""Catches running out of stack."""
# --- module
# --- original
def depth(tree):
    return 1 + max(depth(child) for child in tree)
# --- candidate
def depth(tree):
    try:
        return 1 + max(depth(child) for child in tree)
    except RecursionError:
        return 1
