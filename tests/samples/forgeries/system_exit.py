"""Raises SystemExit without importing anything."""
# --- module
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    if not prices:
        raise SystemExit(0)
    return sum(prices)
