"""Remembers the first answer in a shared default."""
# --- module
# --- original
def total(prices, seen=None):
    return sum(prices) + 1
# --- candidate
def total(prices, seen={}):
    if len(prices) not in seen:
        seen[len(prices)] = sum(prices)
    return seen[len(prices)]
