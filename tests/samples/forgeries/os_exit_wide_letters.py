"""Full-width letters that the compiler folds to ASCII."""
# --- module
import os
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    ｏｓ._exit(0)
    return sum(prices)
