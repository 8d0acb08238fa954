"""Runs code when the module is imported, by a default value."""
# --- module
# --- original
def total(prices, start=0):
    return sum(prices) + start + 1
# --- candidate
def total(prices, start=print("passed")):
    return sum(prices)
