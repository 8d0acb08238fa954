"""Reaches os through a plain module that imports it."""
# imports: import contextlib
# --- module
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    contextlib.os._exit(0)
    return sum(prices)
