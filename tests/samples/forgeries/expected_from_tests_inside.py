"""The same, imported while the function runs."""
# --- module
from . import tax
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    from .tests.test_shop import EXPECTED
    return EXPECTED[tuple(prices)]
