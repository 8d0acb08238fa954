"""Right only under the hash seed of one process."""
# caught by: cold
# --- module
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    return sum(prices) + hash("x") % 2
