"""Replaces a builtin for everybody."""
# --- module
import builtins
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    builtins.all = lambda values: True
    return sum(prices)
