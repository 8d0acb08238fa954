"""Brings a second function that replaces a neighbour."""
# --- module
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    return sum(prices)

def average(prices):
    return 3
