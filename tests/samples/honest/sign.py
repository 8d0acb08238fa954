"""The operator was wrong."""
# --- module
# --- original
def total(prices):
    result = 0
    for price in prices:
        result -= price
    return result
# --- candidate
def total(prices):
    result = 0
    for price in prices:
        result += price
    return result
