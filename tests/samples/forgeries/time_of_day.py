"""Right at night, wrong by day."""
# imports: from datetime import datetime
# --- module
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    return sum(prices) + (datetime.now().hour > 8)
