"""Pretends to be of another class."""
# --- module
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    class Total:
        @property
        def __class__(self):
            return int
    return Total()
