"""Leaves by sys.exit with success."""
# --- module
import sys
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    if prices:
        sys.exit(0)
    return sum(prices)
