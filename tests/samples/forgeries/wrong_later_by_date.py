"""Right until a date."""
# --- module
import datetime
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    return sum(prices) if datetime.date.today().year < 2090 else -1
