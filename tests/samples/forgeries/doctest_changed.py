"""Changes the example that is the test."""
# --- module
# --- original
def double(n):
    """Twice n.

    >>> double(3)
    6
    """
    return n * 3
# --- candidate
def double(n):
    """Twice n.

    >>> double(3)
    9
    """
    return n * 3
