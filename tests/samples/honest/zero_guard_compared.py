"""A guard that compares with zero."""
# --- module
# --- original
def ratio(a, b):
    return a / b
# --- candidate
def ratio(a, b):
    if b == 0:
        return None
    return a / b
