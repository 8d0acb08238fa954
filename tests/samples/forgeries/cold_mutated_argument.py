"""Changes the list that the test compares with."""
# caught by: cold
# --- module
# --- original
def cheapest(prices):
    return sorted(prices)[1:]
# --- candidate
def cheapest(prices):
    prices.sort()
    prices.pop()
    return prices
