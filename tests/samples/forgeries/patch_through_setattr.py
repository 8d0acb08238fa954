"""The same by setattr, where no attribute is assigned."""
# --- module
import helpers
# --- original
def total(prices):
    return sum(prices) + helpers.tax(prices)
# --- candidate
def total(prices):
    setattr(helpers, "tax", lambda prices: 0)
    return sum(prices) + helpers.tax(prices)
